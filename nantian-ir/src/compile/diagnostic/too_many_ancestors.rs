//! More Gateways send to the targets of a policy than its status may list (16). It applies for all of them; the status
//! tells of the first by `namespace/name`.
