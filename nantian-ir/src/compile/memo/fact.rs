//! What a unit of work can read.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

use crate::compile::decode::Name;
use crate::key::{BackendKey, CaBundleKey, CertificateKey, RouteKey};

/// Something that a unit of work reads: an object that is there or is not, a set of objects, or what another unit made of
/// them.
#[derive(Debug, Clone, Copy, Hash)]
pub(super) enum Fact<'n> {
    /// The time.
    Now,
    /// An object: its kind and name.
    Object(&'n str, &'n Name),
    /// All objects of a kind.
    Kind(&'n str),
    /// Objects that others of their name displaced.
    Displaced,
    /// The grants of a namespace.
    Grants(&'n str),
    /// The EndpointSlices of a Service.
    Slices(&'n Name),
    /// The ListenerSets that name a Gateway.
    ListenerSets(&'n Name),
    /// The objects of a kind in a namespace.
    KindIn(&'n str, &'n str),
    /// Whether a class is ours, and accepted.
    Class(&'n str),
    /// The names of the classes that somebody said are ours.
    OurClasses,
    /// A Gateway of ours, looked at alone.
    Gateway(&'n Name),
    /// All Gateways of ours.
    Gateways,
    /// The names of the default Gateways.
    DefaultGateways,
    /// What other Gateways mean for one.
    Verdict(&'n Name),
    /// A Gateway of ours as it is served.
    Served(&'n Name),
    /// What a route is attached to.
    Attachment(&'n RouteKey),
    /// Which kinds of routes a Gateway has.
    KindsAt(&'n Name),
    /// The routes of a Gateway that may have to share hosts.
    ContendersAt(&'n Name),
    /// What a route of a Gateway loses to routes of another kind.
    Clashes(&'n Name, &'n RouteKey),
    /// Who gets the connections of a Gateway.
    Winners(&'n Name),
    /// The policies for a Service.
    PoliciesOf(&'n Name),
    /// What our own policies of a namespace come to.
    Effects(&'n str),
    /// A policy.
    Policy(&'n Name),
    /// How many routes are attached to the listeners of a Gateway.
    AttachedRoutes(&'n Name),
    /// The Gateways that send to a Service with policies.
    SendersTo(&'n Name),
    /// Whether something uses a backend.
    BackendUse(&'n BackendKey),
    /// Whether something uses a certificate.
    CertificateUse(&'n CertificateKey),
    /// Whether something uses certificates of authorities.
    CaBundleUse(&'n CaBundleKey),
}

/// The hash of a fact: all that is kept of one that was read. Where two facts have one hash, units are computed again for a
/// change of either, and come to what they came to before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FactId(u64);

impl Fact<'_> {
    pub(super) fn id(&self) -> FactId {
        FactId(FixedState::with_seed(0).hash_one(self))
    }
}
