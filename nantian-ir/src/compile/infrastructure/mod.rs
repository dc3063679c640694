//! What is made for a Gateway whose data planes serve many: a Service in its namespace (GEP-1762), which leads its ports to
//! the ports that its listeners are bound to.

pub(crate) mod record;
