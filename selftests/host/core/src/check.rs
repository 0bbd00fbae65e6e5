// SPDX-License-Identifier: GPL-2.0

//! The registry against a model: any sequence of operations, also inside callbacks and with failing
//! allocations.

use super::table::{Active, CFunction, Callback, CoreHandler, Entry, Name, Registry};
use crate::{
    bindings::cn_core_handler,
    memory::{self, KBox, GFP_KERNEL},
    prelude::*,
    Id,
};
use core::cell::{Cell, RefCell};
use std::collections::HashMap;

/// A registration, as the model knows it.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Known {
    id: (u32, u32),
    serial: u64,
    is_handler: bool,
}

/// The registry, and the model of it.
struct Model {
    registry: Pin<KBox<Registry>>,
    input: RefCell<Vec<u8>>,
    /// The registered callbacks, in order of registration.
    live: RefCell<Vec<Known>>,
    /// The unregistered callbacks.
    gone: RefCell<Vec<Known>>,
    /// How many calls of a registration have not returned.
    running: RefCell<HashMap<u64, usize>>,
    depth: Cell<usize>,
    /// How many calls of a registration have returned.
    calls: RefCell<HashMap<u64, u64>>,
    /// The number of unregistered callbacks when the outermost call began.
    gone_before: Cell<usize>,
    last_serial: Cell<u64>,
}

std::thread_local! {
    /// How often each cookie was released.
    static RELEASED: RefCell<HashMap<usize, usize>> = RefCell::default();
    static NEXT_COOKIE: Cell<usize> = const { Cell::new(1) };
}

unsafe extern "C" fn function(
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
    RELEASED.with_borrow_mut(|released| *released.entry(cookie.addr()).or_default() += 1);
}

fn c_callback() -> Callback {
    // SAFETY: The function does nothing.
    Callback::C(unsafe { CFunction::new(function) })
}

fn cookie_of(entry: &Entry) -> Option<usize> {
    Some(entry.callback().handler()?.cookie().addr())
}

impl Model {
    fn byte(&self) -> Option<u8> {
        self.input.borrow_mut().pop()
    }

    /// An id out of a small number of them, so that most are met again.
    fn id(&self) -> Option<Id> {
        let number = u32::from(self.byte()?);
        Some(Id::new(number >> 6, number & 0x3f))
    }

    fn known(&self, id: Id) -> Option<Known> {
        let live = self.live.borrow();
        live.iter()
            .find(|known| known.id == (id.idx(), id.val()))
            .copied()
    }

    fn register(&self, id: Id, is_handler: bool, memory_may_end: bool) {
        let cookie = NEXT_COOKIE.get();
        let callback = if is_handler {
            let raw = cn_core_handler {
                flags: 0,
                capability: -1,
                receive: Some(receive),
                release: Some(release),
                cookie: core::ptr::without_provenance_mut(cookie),
                description: core::ptr::null(),
            };
            // SAFETY: The functions may be called with any cookie.
            let handler = unsafe { CoreHandler::new(&raw) }.unwrap();
            match KBox::new(handler, GFP_KERNEL) {
                Ok(handler) => Callback::Handler(handler),
                Err(_) => return,
            }
        } else {
            c_callback()
        };
        let added = Cell::new(0);
        let name = Name::new(b"check".iter().copied());
        let added_as = |entry: &Entry| added.set(entry.serial());
        let result = self
            .registry
            .register(id, name, callback, |_| Ok(()), added_as);
        let is_taken = self.known(id).is_some();
        match result {
            Ok(serial) => {
                assert!(!is_taken && serial == added.get() && serial > self.last_serial.get());
                self.last_serial.set(serial);
                // The serial number stands for the cookie from here on.
                NEXT_COOKIE.set(cookie + 1);
                let id = (id.idx(), id.val());
                self.live.borrow_mut().push(Known {
                    id,
                    serial,
                    is_handler,
                });
                if is_handler {
                    COOKIES.with_borrow_mut(|cookies| cookies.insert(serial, cookie));
                }
            }
            Err(error) => {
                assert!(
                    error == EINVAL && is_taken || error == ENOMEM && memory_may_end,
                    "{error:?}"
                );
                assert!(added.get() == 0);
                assert_eq!(released(cookie), 0);
            }
        }
    }

    fn unregister(&self, id: Id, serial: Option<u64>) {
        let known = self
            .known(id)
            .filter(|known| serial.is_none_or(|serial| serial == known.serial));
        let removed = Cell::new(None);
        let pending =
            self.registry
                .remove(id, serial, |entry| removed.set(Some(entry.serial())), || ());
        assert_eq!(removed.get(), known.map(|known| known.serial));
        match known {
            Some(known) => {
                let is_running = self.is_running(known.serial);
                assert_eq!(pending, is_running.then_some(known.serial));
                self.live.borrow_mut().retain(|live| *live != known);
                self.gone.borrow_mut().push(known);
            }
            None => assert_eq!(pending, serial),
        }
        if let Some(pending) = pending {
            self.registry.wait(pending);
        }
    }

    fn is_running(&self, serial: u64) -> bool {
        self.running
            .borrow()
            .get(&serial)
            .is_some_and(|count| *count > 0)
    }

    /// A message; inside the callback, as many more operations as the input says.
    fn call(&self, id: Id, inside: usize) {
        let known = self.known(id);
        if self.depth.get() == 0 {
            self.gone_before.set(self.gone.borrow().len());
        }
        let call = |active: &Active| {
            memory::fail_after(u64::MAX);
            let known = known.expect("something was found that is not registered");
            let serial = active.entry().serial();
            assert!(active.entry().id() == id && serial == known.serial);
            let calls = self.calls.borrow().get(&serial).copied().unwrap_or(0);
            assert_eq!(active.entry().stats().delivered, calls);
            *self.running.borrow_mut().entry(serial).or_default() += 1;
            self.depth.set(self.depth.get() + 1);
            for _ in 0..inside {
                self.step();
            }
            self.depth.set(self.depth.get() - 1);
            // It is there until it returns, whatever happened meanwhile.
            assert!(active.entry().serial() == serial);
            if let Some(cookie) = cookie_of(active.entry()) {
                assert_eq!(released(cookie), 0, "released while it runs");
            }
            *self.running.borrow_mut().get_mut(&serial).unwrap() -= 1;
            *self.calls.borrow_mut().entry(serial).or_default() += 1;
        };
        let otherwise = || assert!(known.is_none());
        self.registry
            .with_callback(id, call, otherwise, || Some(&self.registry));
    }

    fn step(&self) -> bool {
        self.try_step().is_some()
    }

    fn try_step(&self) -> Option<()> {
        let how = self.byte()?;
        let may_end = how & 0x80 != 0;
        if may_end {
            memory::fail_after(u64::from(self.byte()? & 7));
        }
        match how & 7 {
            0 => self.register(self.id()?, false, may_end),
            1 => self.register(self.id()?, true, may_end),
            2 => self.unregister(self.id()?, None),
            3 => {
                let id = self.id()?;
                let serial = match self.known(id) {
                    Some(known) if how & 8 == 0 => known.serial,
                    // One that is unregistered, or will be registered.
                    _ => u64::from(self.byte()?),
                };
                if serial <= self.last_serial.get() || self.known(id).is_none() {
                    self.unregister(id, Some(serial));
                }
            }
            4 => self.call(self.id()?, 0),
            5 if self.depth.get() < 8 => {
                let inside = usize::from(self.byte()? & 3);
                self.call(self.id()?, inside);
            }
            6 => {
                let (id, count) = (self.id()?, u32::from(self.byte()? & 0x1f));
                for step in 0..count {
                    let id = Id::new(id.idx(), id.val().wrapping_add(step) & 0x3f);
                    if how & 8 == 0 {
                        self.register(id, how & 16 == 0, may_end);
                    } else {
                        self.unregister(id, None);
                    }
                }
            }
            _ => {
                let id = self.id()?;
                assert_eq!(self.registry.group(id), self.known(id).map(|_| id.idx()));
            }
        }
        memory::fail_after(u64::MAX);
        self.compare();
        Some(())
    }

    fn compare(&self) {
        let table = self.registry.lock();
        let live = self.live.borrow();
        assert!(table
            .entries()
            .map(|entry| ((entry.id().idx(), entry.id().val()), entry.serial()))
            .eq(live.iter().map(|known| (known.id, known.serial))));
        assert_eq!(table.count(), live.len());
        let (slots, used, counted) = table.slot_counts();
        assert!(
            used == counted && used <= slots / 2,
            "{used} and {counted} of {slots} slots"
        );
        drop(table);
        let released =
            |known: &Known| COOKIES.with_borrow(|cookies| released(cookies[&known.serial]));
        for known in live.iter().filter(|known| known.is_handler) {
            assert_eq!(released(known), 0, "released while it is registered");
        }
        // Registrations that end inside of a call are released before the outermost call returns.
        let is_outside = self.depth.get() == 0;
        for (number, known) in self.gone.borrow().iter().enumerate() {
            let is_due = is_outside || number < self.gone_before.get();
            if known.is_handler {
                assert_eq!(released(known), usize::from(is_due));
            }
        }
    }
}

std::thread_local! {
    /// The cookie of each registration that has one.
    static COOKIES: RefCell<HashMap<u64, usize>> = RefCell::default();
}

fn released(cookie: usize) -> usize {
    RELEASED.with_borrow(|released| released.get(&cookie).copied().unwrap_or(0))
}

/// The bytes are operations.
pub fn registry(bytes: &[u8]) {
    RELEASED.with_borrow_mut(HashMap::clear);
    COOKIES.with_borrow_mut(HashMap::clear);
    NEXT_COOKIE.set(1);
    memory::fail_after(u64::MAX);
    let before = memory::allocations();
    let model = Model {
        registry: KBox::pin_init(Registry::new(), GFP_KERNEL).unwrap(),
        input: RefCell::new(bytes.iter().rev().copied().collect()),
        live: RefCell::default(),
        gone: RefCell::default(),
        running: RefCell::default(),
        depth: Cell::new(0),
        calls: RefCell::default(),
        gone_before: Cell::new(0),
        last_serial: Cell::new(0),
    };
    while model.step() {}
    memory::fail_after(u64::MAX);
    // Remaining registrations are removed before the registry is freed.
    let left: Vec<_> = model.live.borrow().clone();
    for known in left {
        model.unregister(Id::new(known.id.0, known.id.1), None);
    }
    drop(model);
    assert_eq!(memory::allocations(), before, "something was not freed");
}

/// Calls the callbacks 1 to 3, each inside of the call before, unregisters them in this order, and returns.
pub fn dying(order: [u32; 3]) {
    memory::fail_after(u64::MAX);
    let registry = KBox::pin_init(Registry::new(), GFP_KERNEL).unwrap();
    let known = |is_meant: &dyn Fn(u32) -> bool| {
        let mut ids: Vec<_> = order.iter().copied().filter(|id| is_meant(*id)).collect();
        // The last one is in front.
        ids.reverse();
        ids
    };
    let listed = || -> Vec<_> {
        registry
            .lock()
            .dying()
            .map(|entry| entry.id().val())
            .collect()
    };
    for val in order {
        let callback = c_callback();
        let name = Name::new(core::iter::empty());
        registry
            .register(Id::new(1, val), name, callback, |_| Ok(()), |_| ())
            .unwrap();
    }
    let call = |val: u32, inside: &dyn Fn()| {
        let otherwise = || panic!("not found");
        registry.with_callback(Id::new(1, val), |_| inside(), otherwise, || Some(&registry));
        assert_eq!(listed(), known(&|id| id < val));
    };
    call(1, &|| {
        call(2, &|| {
            call(3, &|| {
                for val in order {
                    assert!(registry
                        .remove(Id::new(1, val), None, |_| (), || ())
                        .is_some());
                }
                assert_eq!(listed(), known(&|_| true));
            });
        });
    });
}
