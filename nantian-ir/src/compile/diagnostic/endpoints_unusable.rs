//! An EndpointSlice has no label `kubernetes.io/service-name`, or an address is not what its `addressType` says, or a
//! Service of type ExternalName has no usable name. These endpoints get no requests.
