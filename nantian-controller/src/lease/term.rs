//! Times of leading.

use std::sync::Arc;

use tokio::sync::watch;

use crate::Published;
use crate::publication::Newest;

/// Runs what `begin` begins, from the newest publication on, whenever this replica leads. When it leads no more, what runs is
/// dropped, and with it the writes on their way.
pub(crate) async fn while_leading<F: Future<Output = ()>>(
    mut leader: watch::Receiver<bool>,
    mut newest: Newest,
    begin: impl Fn(Arc<Published>, Newest) -> F,
) {
    loop {
        // Without a sender the process ends.
        if leader.wait_for(|leads| *leads).await.is_err() {
            return;
        }
        let Ok(published) = newest.wait_for(Option::is_some).await.map(|published| published.clone()) else {
            return;
        };
        let Some(published) = published else { continue };
        tokio::select! {
            _ = leader.wait_for(|leads| !*leads) => {}
            () = begin(published, newest.clone()) => return,
        }
    }
}
