//! The name of the Service that is made for the Gateway is that of a Service that somebody else made: it is left alone, and
//! the Gateway gets no address by it (`AddressNotAssigned`).
