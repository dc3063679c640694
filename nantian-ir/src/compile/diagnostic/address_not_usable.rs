//! An entry of `Gateway.spec.addresses` cannot be used: it is a host name, not an IP address, not the address of one
//! interface, empty, or one more than can be had. The Gateway's `Programmed` condition is `False` with the reason
//! `AddressNotUsable` or `AddressNotAssigned`. Addresses that can be used are served. Where a Gateway has a Service, a load
//! balancer is asked for the address.
