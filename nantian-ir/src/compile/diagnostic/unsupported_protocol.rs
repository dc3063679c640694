//! A listener has a protocol that is not known, or that the data plane does not serve yet. It is not accepted
//! (`UnsupportedProtocol`).
