//! Looking as somebody who has few rights, for tests: for root, no file is unreadable.

/// Runs something on a thread of a user who owns nothing.
///
/// Whoever is not root cannot give rights away, and is stopped by missing rights as it is.
pub(crate) fn as_another_user<T: Send>(action: impl FnOnce() -> T + Send) -> T {
    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                let (uid, gid) = (Uid::from_raw(65_534), Gid::from_raw(65_534));
                // These calls of the kernel change the calling thread only, which ends with this function.
                set_thread_groups(&[]).unwrap();
                set_thread_res_gid(gid, gid, gid).unwrap();
                set_thread_res_uid(uid, uid, uid).unwrap();
            }
            action()
        });
        thread.join().unwrap()
    })
}
