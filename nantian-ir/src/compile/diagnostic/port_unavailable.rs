//! A listener wants a socket that a listener of an older Gateway has, with the same hostname or another protocol. The
//! older Gateway keeps it.
