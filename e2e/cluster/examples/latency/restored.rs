//! Objects that are deleted and applied again: how long until they serve as before.

use std::cell::RefCell;

use serde_json::Value;

use crate::Outcome;
use crate::measured::{TRIES, Times, until};
use crate::objects::{self, ROUTES, host, http_listener, route, route_to};
use crate::wire::{Answer, Api, Trust, get, is_ok};

/// What is deleted and applied again.
struct Again<'a> {
    what: &'static str,
    /// Where the API server has objects of its kind.
    collection: &'static str,
    object: Value,
    /// How it serves.
    serves: Box<dyn Fn() -> Answer + 'a>,
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
            serves: Box::new(|| is_ok(get(address, &host("again")))),
        },
        Again {
            what: "Secret",
            collection: objects::SECRETS,
            object: secret,
            serves: Box::new(|| is_ok(trust.get(&secure, &host(Trust::NAME)))),
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
        until(|| Ok((self.serves)().is_ok()))?;
        for _ in 0..TRIES {
            Api::send("DELETE", &format!("{}/{name}", self.collection), "")?;
            until(|| Ok((self.serves)().is_err()))?;
            Api::send("POST", self.collection, &self.object.to_string())?;
            times.add(&self.serves)?;
        }
        times.print(&format!("{}, deleted and applied again", self.what));
        Ok(())
    }
}

/// How the Gateway `again` answers where its status says. Each new one has another address.
fn at_own_address(known: &RefCell<Option<String>>) -> Answer {
    let answer =
        |address: Option<&str>| address.map_or(Err("no address".to_owned()), |at| is_ok(get(at, &host("copy"))));
    if answer(known.borrow().as_deref()).is_ok() {
        return Ok(());
    }
    *known.borrow_mut() = objects::address("again").ok().flatten();
    answer(known.borrow().as_deref())
}
