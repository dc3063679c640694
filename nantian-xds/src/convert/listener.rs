//! Listeners, and what they are secured with.

use nantian_ir::{
    BindAddress, CaBundle, Certificate, ClientValidation, ClientValidationMode, Listener, ListenerProtocol, ListenerTls,
};

use super::{enumeration, message};

message!(Listener { key, bind, public_port, protocol, hostname, tls, client_certificate });
message!(BindAddress { address, port });
enumeration!(ListenerProtocol { Http, Https, Tls, Tcp, Udp });
message!(ListenerTls { certificates, client_validation });
message!(ClientValidation { ca_bundles, mode });
enumeration!(ClientValidationMode { AllowValidOnly, AllowInsecureFallback });
message!(CaBundle { key, certificates });
message!(Certificate { key, chain, private_key });
