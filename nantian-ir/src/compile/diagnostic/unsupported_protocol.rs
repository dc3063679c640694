//! A listener has a protocol that is not supported. It is not accepted (`UnsupportedProtocol`).
