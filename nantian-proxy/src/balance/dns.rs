//! Addresses of endpoints that are DNS names: asked when first used, asked again in the background, the last good
//! answer kept while asking fails.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use nantian_ir::Hostname;
use tokio::sync::watch;
use tokio::time::Instant;

/// Names that one worker remembers.
const MAX_NAMES: usize = 4096;
/// Addresses of one name.
const MAX_ADDRESSES: usize = 64;
/// How long a failure is believed, so that a name that does not exist is not asked for by every request.
const FAILURE_TTL: Duration = Duration::from_secs(1);
/// How long one question may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

type Answer = Rc<[IpAddr]>;
type LookupFuture = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>>>>;

/// The resolver of one worker.
pub(crate) struct Resolver {
    names: RefCell<HashMap<Hostname, Entry>>,
    refresh: Duration,
    lookup: Box<dyn Fn(&Hostname) -> LookupFuture>,
}

struct Entry {
    /// Empty: the last question failed and no earlier one was answered.
    addresses: Answer,
    asked: Instant,
    /// Present while a question is under way.
    pending: Option<watch::Receiver<bool>>,
}

impl Resolver {
    /// A resolver that asks the system, each name again after `refresh`.
    pub(crate) fn system(refresh: Duration) -> Rc<Self> {
        Self::new(refresh, |name| {
            let name = name.as_str().to_owned();
            Box::pin(async move {
                let found = tokio::net::lookup_host((name, 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        })
    }

    fn new(refresh: Duration, lookup: impl Fn(&Hostname) -> LookupFuture + 'static) -> Rc<Self> {
        Rc::new(Self { names: RefCell::default(), refresh, lookup: Box::new(lookup) })
    }

    /// The addresses of `name`; empty if it has none or cannot be resolved. Waits only for the first answer.
    pub(crate) async fn resolve(self: &Rc<Self>, name: &Hostname) -> Answer {
        let mut pending = match self.known(name) {
            Ok(addresses) => return addresses,
            Err(pending) => pending,
        };
        // An error means that the task is gone without an answer: the entry says so by being empty.
        let _ = pending.wait_for(|done| *done).await;
        self.known_now(name)
    }

    /// What is known of `name` at this moment, without asking.
    pub(crate) fn known_now(&self, name: &Hostname) -> Answer {
        self.names.borrow().get(name).map(|entry| Rc::clone(&entry.addresses)).unwrap_or_default()
    }

    /// What is known, starting a question where it is old; or a question to wait for.
    fn known(self: &Rc<Self>, name: &Hostname) -> Result<Answer, watch::Receiver<bool>> {
        let now = Instant::now();
        let mut names = self.names.borrow_mut();
        if let Some(entry) = names.get_mut(name) {
            let unanswered = entry.addresses.is_empty();
            let lifetime = if unanswered { FAILURE_TTL.min(self.refresh) } else { self.refresh };
            if entry.pending.is_none() && now.duration_since(entry.asked) >= lifetime {
                entry.asked = now;
                entry.pending = Some(self.ask(name.clone()));
            }
            return match &entry.pending {
                Some(pending) if unanswered => Err(pending.clone()),
                _ => Ok(Rc::clone(&entry.addresses)),
            };
        }
        if names.len() >= MAX_NAMES {
            let longest_ago = names.iter().filter(|(_, entry)| entry.pending.is_none()).min_by_key(|(_, e)| e.asked);
            match longest_ago.map(|(name, _)| name.clone()) {
                Some(oldest) => names.remove(&oldest),
                None => return Ok(Answer::default()),
            };
        }
        let pending = self.ask(name.clone());
        let entry = Entry { addresses: Answer::default(), asked: now, pending: Some(pending.clone()) };
        names.insert(name.clone(), entry);
        Err(pending)
    }

    fn ask(self: &Rc<Self>, name: Hostname) -> watch::Receiver<bool> {
        let (done, pending) = watch::channel(false);
        let (resolver, lookup) = (Rc::clone(self), (self.lookup)(&name));
        tokio::task::spawn_local(async move {
            let answer = tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await;
            if let Some(entry) = resolver.names.borrow_mut().get_mut(&name) {
                entry.pending = None;
                entry.asked = Instant::now();
                if let Ok(Ok(mut addresses)) = answer
                    && !addresses.is_empty()
                {
                    addresses.sort_unstable();
                    addresses.dedup();
                    addresses.truncate(MAX_ADDRESSES);
                    entry.addresses = addresses.into();
                }
            }
            // Nobody waits where the last answer is still served.
            let _ = done.send(true);
        });
        pending
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    type Script = Rc<RefCell<Vec<io::Result<Vec<IpAddr>>>>>;

    fn scripted(answers: Vec<io::Result<Vec<IpAddr>>>) -> (Rc<Resolver>, Rc<Cell<usize>>) {
        let script: Script = Rc::new(RefCell::new(answers));
        let asked = Rc::new(Cell::new(0));
        let count = Rc::clone(&asked);
        let resolver = Resolver::new(Duration::from_secs(10), move |_| {
            count.set(count.get() + 1);
            let script = Rc::clone(&script);
            Box::pin(async move {
                tokio::task::yield_now().await;
                if script.borrow().is_empty() {
                    Err(io::ErrorKind::NotFound.into())
                } else {
                    script.borrow_mut().remove(0)
                }
            })
        });
        (resolver, asked)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, test);
    }

    #[test]
    fn concurrent_requests_share_one_question() {
        run(async {
            let (resolver, asked) = scripted(vec![Ok(vec![ip("127.0.0.2"), ip("127.0.0.1"), ip("127.0.0.2")])]);
            let name = Hostname::new("a.example").unwrap();
            let (a, b) = tokio::join!(resolver.resolve(&name), resolver.resolve(&name));
            assert_eq!(*a, [ip("127.0.0.1"), ip("127.0.0.2")]);
            assert_eq!((a, asked.get()), (b, 1));
        });
    }

    #[test]
    fn an_old_answer_is_served_while_it_is_asked_again_and_kept_when_that_fails() {
        run(async {
            let answers =
                vec![Ok(vec![ip("127.0.0.1")]), Err(io::ErrorKind::TimedOut.into()), Ok(vec![ip("127.0.0.9")])];
            let (resolver, asked) = scripted(answers);
            let name = Hostname::new("a.example").unwrap();
            let mut seen = Vec::new();
            for _ in 0..4 {
                seen.push(resolver.resolve(&name).await[0]);
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
                tokio::time::advance(Duration::from_secs(11)).await;
            }
            assert_eq!(seen, [ip("127.0.0.1"), ip("127.0.0.1"), ip("127.0.0.1"), ip("127.0.0.9")]);
            assert_eq!(asked.get(), 4);
        });
    }

    #[test]
    fn a_failure_is_believed_for_a_second() {
        run(async {
            let (resolver, asked) = scripted(Vec::new());
            let name = Hostname::new("a.example").unwrap();
            assert!(resolver.resolve(&name).await.is_empty());
            assert!(resolver.resolve(&name).await.is_empty());
            assert_eq!(asked.get(), 1);
            tokio::time::advance(Duration::from_secs(2)).await;
            assert!(resolver.resolve(&name).await.is_empty());
            assert_eq!(asked.get(), 2);
        });
    }
}
