//! An object is of a kind that a gateway has no use for (a Deployment, say). It is ignored: manifests often hold such
//! objects beside those that the gateway reads.
