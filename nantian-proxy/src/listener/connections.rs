//! The open connections of one bind address on one worker.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// Open connections: counted, waited for, and cut. Clones are the same set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    next: Cell<u64>,
    open: RefCell<HashMap<u64, Option<AbortHandle>>>,
    emptied: Notify,
    ended: Rc<Notify>,
}

impl Connections {
    /// None is open yet. `ended` is told of each that ends.
    pub(crate) fn new(ended: Rc<Notify>) -> Self {
        Self(Rc::new(Inner { ended, ..Inner::default() }))
    }

    /// Runs a connection as a task of its own, until it ends or is cut.
    pub(crate) fn spawn(&self, connection: impl Future<Output = ()> + 'static) -> AbortHandle {
        let id = self.0.next.get();
        self.0.next.set(id + 1);
        self.0.open.borrow_mut().insert(id, None);
        let place = Place { connections: self.clone(), id };
        let task = tokio::task::spawn_local(Placed { connection, _place: place });
        if let Some(place) = self.0.open.borrow_mut().get_mut(&id) {
            *place = Some(task.abort_handle());
        }
        task.abort_handle()
    }

    /// Resolves when none is open.
    pub(crate) async fn closed(&self) {
        // The notice is registered before the set is looked at, so that none is missed.
        loop {
            let emptied = self.0.emptied.notified();
            if self.0.open.borrow().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Cuts all that are open; says how many.
    pub(crate) fn cut(&self) -> usize {
        let handles: Vec<_> = self.0.open.borrow_mut().values_mut().filter_map(Option::take).collect();
        handles.iter().for_each(AbortHandle::abort);
        handles.len()
    }

    /// Whether none is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.open.borrow().is_empty()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.open.borrow().len()
    }
}

pin_project! {
    /// A connection in its place. An `async` block would have room for it twice.
    struct Placed<F> {
        #[pin]
        connection: F,
        _place: Place,
    }
}

impl<F: Future<Output = ()>> Future for Placed<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().connection.poll(cx)
    }
}

/// A connection's place in the set, given back when its task ends, however it ends.
struct Place {
    connections: Connections,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.0.open.borrow_mut();
        open.remove(&self.id);
        self.connections.0.ended.notify_one();
        if open.is_empty() {
            self.connections.0.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::task::LocalSet;

    use super::*;

    #[tokio::test]
    async fn connections_are_waited_for_and_cut_and_a_panic_gives_its_place_back() {
        LocalSet::new()
            .run_until(async {
                let connections = Connections::default();
                connections.closed().await;
                let (end, ended) = oneshot::channel::<()>();
                connections.spawn(async {
                    ended.await.expect("told to end");
                });
                connections.spawn(std::future::pending());
                connections.spawn(async { panic!("contained") });
                assert_eq!(connections.len(), 3);
                end.send(()).expect("it waits");
                while connections.len() > 1 {
                    tokio::task::yield_now().await;
                }
                assert_eq!(connections.cut(), 1);
                connections.closed().await;
                assert_eq!(connections.cut(), 0);
            })
            .await;
    }
}
