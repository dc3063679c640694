//! An entry of `Gateway.spec.addresses` is of a type that is not supported. The Gateway is not accepted
//! (`UnsupportedAddress`).
