//! Which thread goes first where there are fewer cores than threads.

/// Steps of niceness: a share of about a tenth beside threads that want the same core, and all of a core that nobody else wants.
const STEPS: i32 = 10;

/// Lets all threads go first that are there already. The calling thread, and those that it starts from now on, do work that can
/// wait for milliseconds, such as that of a changed configuration: requests do not wait for it.
///
/// On Linux niceness is a thread's own (`setpriority(2)`, "C library/kernel differences"), and to raise it needs no right. Where
/// the system refuses, all threads share alike.
pub fn go_last() {
    let _ = rustix::process::nice(STEPS);
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn only_the_calling_thread_goes_last_and_those_that_it_starts() {
        let niceness = || getpriority_process(None).expect("a niceness");
        let before = niceness();
        let (own, started) = thread::scope(|scope| {
            let last = scope.spawn(|| {
                go_last();
                (niceness(), thread::scope(|scope| scope.spawn(niceness).join().expect("it ends")))
            });
            last.join().expect("it ends")
        });
        assert_eq!(own, (before + STEPS).min(19));
        assert_eq!((started, niceness()), (own, before));
    }
}
