// SPDX-License-Identifier: GPL-2.0

//! Models of threads that use the registry at the same time. loom runs each model in every order of
//! its steps, up to a number of preemptions, and with every value that the memory model lets a load
//! see.

use super::{
    calls::Calls,
    table::{Active, CFunction, Callback, CoreHandler, Name, Registry},
};
use crate::{
    bindings::cn_core_handler,
    memory::{self, KBox, GFP_KERNEL},
    prelude::{c_int, c_void, PinInit},
    Id,
};
use core::cell::{Cell, RefCell};
use loom::{cell::UnsafeCell, sync::Arc, thread};

/// Two callbacks.
const A: Id = Id::new(20, 1);
const B: Id = Id::new(21, 1);

/// Shared by the threads of a model.
struct Shared {
    registry: Registry,
    /// The callback uses the data, and its owner frees them after unregistering.
    data: Data,
}

/// The owner's data, which the callback uses.
struct Data {
    /// loom reports two threads that use it out of order.
    content: UnsafeCell<()>,
    /// Whether it was freed; loom runs its threads in turn.
    is_gone: Cell<bool>,
    released: Cell<u32>,
    /// loom's complaint about a release.
    complaint: RefCell<Option<String>>,
}

unsafe impl Send for Shared {}
unsafe impl Sync for Shared {}

impl Data {
    fn use_in_callback(&self) {
        assert!(
            !self.is_gone.get(),
            "a callback ran after unregistering had returned"
        );
        self.content.with(|_| thread::yield_now());
        assert!(
            !self.is_gone.get(),
            "a callback ran on after unregistering had returned"
        );
    }

    fn free(&self) {
        self.is_gone.set(true);
        self.content.with_mut(|_| ());
    }
}

unsafe extern "C" fn c_function(
    _: *mut crate::bindings::cn_msg,
    _: *mut crate::bindings::netlink_skb_parms,
) {
}

unsafe extern "C" fn receive(
    _: *mut c_void,
    _: *mut crate::bindings::cn_msg,
    _: *mut crate::bindings::netlink_skb_parms,
) -> c_int {
    0
}

unsafe extern "C" fn release(cookie: *mut c_void) {
    // SAFETY: The cookie is data that lives as long as the run.
    let data = unsafe { &*cookie.cast::<Data>() };
    data.released.set(data.released.get() + 1);
    // A panic of loom must not pass through C.
    if let Err(said) = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| data.free())) {
        let said = said.downcast_ref::<String>().cloned().unwrap_or_default();
        data.complaint.replace(Some(said));
    }
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            registry: Registry::new().make().unwrap(),
            data: Data {
                content: UnsafeCell::new(()),
                is_gone: Cell::new(false),
                released: Cell::new(0),
                complaint: RefCell::new(None),
            },
        })
    }

    fn register(&self, id: Id) -> u64 {
        // SAFETY: The function does nothing.
        self.add(id, Callback::C(unsafe { CFunction::new(c_function) }))
    }

    fn register_handler(&self, id: Id) -> u64 {
        let raw = cn_core_handler {
            flags: 0,
            capability: -1,
            receive: Some(receive),
            release: Some(release),
            cookie: core::ptr::from_ref(&self.data).cast_mut().cast(),
            description: core::ptr::null(),
        };
        // SAFETY: The data live as long as the run.
        let handler = unsafe { CoreHandler::new(&raw) }.unwrap();
        self.add(
            id,
            Callback::Handler(KBox::new(handler, GFP_KERNEL).unwrap()),
        )
    }

    fn add(&self, id: Id, callback: Callback) -> u64 {
        let name = Name::new(b"model".iter().copied());
        self.registry
            .register(id, name, callback, |_| Ok(()), |_| ())
            .unwrap()
    }

    /// A message for `id`; whether there was a callback.
    fn call(&self, id: Id, callback: impl FnOnce()) -> bool {
        let call = |active: &Active| {
            active.entry().callback();
            callback();
            active.entry().callback();
            true
        };
        self.registry
            .with_callback(id, call, || false, || Some(&self.registry))
    }

    fn unregister(&self, id: Id, serial: Option<u64>) {
        if let Some(serial) = self.registry.remove(id, serial, |_| (), || ()) {
            self.registry.wait(serial);
        }
    }

    /// Runs `job` in another thread, which is another task.
    fn spawn(shared: &Arc<Self>, job: impl FnOnce(&Self) + 'static) -> thread::JoinHandle<()> {
        let shared = shared.clone();
        thread::spawn(move || job(&shared))
    }
}

/// Remaining callbacks are unregistered, as when the module is unloaded.
impl Drop for Shared {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.unregister(A, None);
            self.unregister(B, None);
        }
    }
}

fn run(preemptions: usize, model: fn()) {
    let mut builder = loom::model::Builder::new();
    let more = std::env::var("MORE_PREEMPTIONS").map_or(0, |more| more.parse().unwrap());
    builder.preemption_bound = Some(preemptions + more);
    builder.max_branches = 10_000;
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = runs.clone();
    builder.check(move || {
        memory::forget_all();
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        model();
        assert_eq!(memory::forget_all(), 0, "something was not freed");
    });
    println!("{} runs", runs.load(std::sync::atomic::Ordering::Relaxed));
}

/// The owner of a C callback frees its data after unregistering, while a message arrives.
pub fn unregistering_waits() {
    run(4, || {
        let shared = Shared::new();
        shared.register(A);
        let sender = Shared::spawn(&shared, |shared| {
            shared.call(A, || shared.data.use_in_callback());
        });
        shared.unregister(A, None);
        shared.data.free();
        sender.join().unwrap();
    });
}

/// The same for a handler, which is released when it will not run any more.
pub fn release_comes_once() {
    run(4, || {
        let shared = Shared::new();
        let serial = shared.register_handler(A);
        let sender = Shared::spawn(&shared, |shared| {
            shared.call(A, || shared.data.use_in_callback());
        });
        shared.unregister(A, Some(serial));
        assert!(
            shared.data.released.get() > 0,
            "not released when unregistering returned"
        );
        sender.join().unwrap();
        assert_eq!(shared.data.released.get(), 1, "released more than once");
        if let Some(complaint) = shared.data.complaint.take() {
            panic!("{complaint}");
        }
    });
}

/// A callback unregisters itself while its owner does, too. Then the owner frees its data.
pub fn unregistering_inside() {
    run(4, || {
        let shared = Shared::new();
        let serial = shared.register(A);
        let sender = Shared::spawn(&shared, move |shared| {
            shared.call(A, || {
                shared.unregister(A, Some(serial));
                shared.data.use_in_callback();
            });
        });
        shared.unregister(A, Some(serial));
        shared.data.free();
        sender.join().unwrap();
    });
}

/// The table grows while a message arrives.
pub fn table_grows() {
    run(4, || {
        let shared = Shared::new();
        shared.register(A);
        let sender = Shared::spawn(&shared, |shared| {
            assert!(shared.call(A, || ()), "a callback was not found");
        });
        shared.register(B);
        sender.join().unwrap();
    });
}

/// A message arrives while its callback is registered.
pub fn registering() {
    run(4, || {
        let shared = Shared::new();
        let sender = Shared::spawn(&shared, |shared| {
            shared.call(A, || shared.data.content.with(|_| ()));
        });
        shared.data.content.with_mut(|_| ());
        shared.register(A);
        sender.join().unwrap();
    });
}

/// The subject whose calls are counted; the last call reclaims it.
struct Subject {
    calls: Calls,
    data: UnsafeCell<()>,
    reclaimed: Cell<u32>,
}

unsafe impl Send for Subject {}
unsafe impl Sync for Subject {}

impl Subject {
    fn call(&self) {
        if self.calls.try_enter() {
            self.use_data();
            self.leave();
        }
    }

    fn use_data(&self) {
        assert_eq!(self.reclaimed.get(), 0, "used after it was reclaimed");
        self.data.with(|_| thread::yield_now());
        assert_eq!(self.reclaimed.get(), 0, "reclaimed while it was used");
    }

    fn leave(&self) {
        if self.calls.leave() {
            self.data.with_mut(|_| ());
            self.reclaimed.set(self.reclaimed.get() + 1);
        }
    }
}

/// Two callers and a task that unregisters, of whom one reclaims.
pub fn last_call_reclaims() {
    run(3, || {
        let subject = Subject {
            calls: Calls::new(),
            data: UnsafeCell::new(()),
            reclaimed: Cell::new(0),
        };
        let subject: &'static Subject = KBox::leak(KBox::new(subject, GFP_KERNEL).unwrap());
        let callers = [(); 2].map(|()| thread::spawn(|| subject.call()));
        subject.calls.kill();
        subject.leave();
        for caller in callers {
            caller.join().unwrap();
        }
        assert_eq!(subject.reclaimed.get(), 1, "not reclaimed once");
        // SAFETY: The threads have ended.
        unsafe { memory::free_deferred(core::ptr::from_ref(subject).cast_mut()) };
    });
}

/// Each of two callbacks unregisters the other one while it runs.
pub fn unregistering_crosswise() {
    run(4, || {
        let shared = Shared::new();
        let [first, second] = [shared.register(A), shared.register(B)];
        let sender = Shared::spawn(&shared, move |shared| {
            shared.call(A, || shared.unregister(B, Some(second)));
        });
        shared.call(B, || shared.unregister(A, Some(first)));
        sender.join().unwrap();
        assert_eq!(shared.registry.lock().dying().count(), 0, "not reclaimed");
    });
}
