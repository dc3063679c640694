//! Objects that are deleted and applied again: how long until they serve as before.

use std::cell::RefCell;

use serde_json::Value;

use crate::Outcome;
use crate::measured::{TRIES, Times, until};
use crate::objects::{self, ROUTES, host, http_listener, route, route_to};
use crate::wire::{Api, Trust, get};

/// What is deleted and applied again.
struct Again<'a> {
    what: &'static str,
    /// Where the API server has objects of its kind.
    collection: &'static str,
    object: Value,
    /// Whether it serves.
    serves: Box<dyn Fn() -> bool + 'a>,
}

/// Each of them [`TRIES`] times. `address` is that of the Gateway that stays.
pub(crate) fn measure(address: &str, trust: &Trust) -> Outcome<()> {
    let secure = address.replace(":80", ":443");
    let (service, gateway) = (objects::service("again"), objects::gateway("again", &[http_listener()]));
    let secret = trust.secret();
    Api::send("POST", objects::SERVICES, &service.to_string())?;
    Api::send("POST", objects::GATEWAYS, &gateway.to_string())?;
    Api::send("POST", ROUTES, &route_to("web", "again", "again").to_string())?;
    Api::send("POST", ROUTES, &route_to("again", "copy", "backend").to_string())?;
    Api::send("POST", ROUTES, &route(Trust::NAME, 1).to_string())?;
    let of_gateway = RefCell::new(None);
    let all = [
        Again {
            what: "Service",
            collection: objects::SERVICES,
            object: service,
            serves: Box::new(|| get(address, &host("again")).is_ok_and(|(status, _)| status == 200)),
        },
        Again {
            what: "Secret",
            collection: objects::SECRETS,
            object: secret,
            serves: Box::new(|| trust.get(&secure, &host(Trust::NAME)).is_ok()),
        },
        Again {
            what: "Gateway, with its address",
            collection: objects::GATEWAYS,
            object: gateway,
            serves: Box::new(|| at_own_address(&of_gateway)),
        },
    ];
    for again in &all {
        again.tries()?;
    }
    for name in ["again", "copy", Trust::NAME] {
        Api::send("DELETE", &format!("{ROUTES}/{name}"), "")?;
    }
    Ok(())
}

impl Again<'_> {
    fn tries(&self) -> Outcome<()> {
        let name = self.object.pointer("/metadata/name").and_then(Value::as_str).ok_or("an object without a name")?;
        let mut times = Times::default();
        until(|| Ok((self.serves)()))?;
        for _ in 0..TRIES {
            Api::send("DELETE", &format!("{}/{name}", self.collection), "")?;
            until(|| Ok(!(self.serves)()))?;
            Api::send("POST", self.collection, &self.object.to_string())?;
            times.add(&self.serves)?;
        }
        times.print(&format!("{}, deleted and applied again", self.what));
        Ok(())
    }
}

/// Whether the Gateway `again` answers where its status says. Each new one has another address.
fn at_own_address(known: &RefCell<Option<String>>) -> bool {
    let answers = |address: &str| get(address, &host("copy")).is_ok_and(|(status, _)| status == 200);
    if known.borrow().as_deref().is_some_and(answers) {
        return true;
    }
    let now = objects::address("again").ok().flatten();
    let is_served = now.as_deref().is_some_and(answers);
    *known.borrow_mut() = now;
    is_served
}
