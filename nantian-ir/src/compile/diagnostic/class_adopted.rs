//! A Gateway is of a class that no GatewayClass object among the files has. There is no other controller to serve it
//! where files are all there is, so it is ours. In a cluster, such a Gateway is left alone.
