//! The work that a guided build learns from: every kind of job, done by the gateway alone.

use crate::failure::Failure;
use crate::measure;
use crate::part;
use crate::peer::Programs;
use crate::site::Site;

/// Does each job of these parts, checked as ever, and tells the gateway to end: that is when it writes down what it did.
pub(crate) fn work(site: &Site, programs: &Programs) -> Result<(), Failure> {
    let programs = Programs { alone: true, ..programs.clone() };
    let backends = site.backends()?;
    for part in [part::jobs(), part::access_log(), part::streams(), part::growth(), part::reloads()] {
        for one in measure::part(&part, site, &programs, 1)?.running {
            one.server.stop()?;
        }
    }
    drop(backends);
    Ok(())
}
