// SPDX-License-Identifier: GPL-2.0

//! Unit tests of what needs a kernel but no user space.
//!
//! Only in modules that are built with `CONFIG_CONNECTOR_KUNIT_TEST=y`, for a kernel with
//! `CONFIG_KUNIT=y`; they run when the module is loaded.

use kernel::prelude::kunit_tests;

#[kunit_tests(cn_registry)]
mod registry_tests {
    use crate::{
        active::Active,
        cursor::{self, Cursor, Found, SECTION},
        entry::{Callback, Handler, Name, Outcomes},
        frame::Deferred,
        registry::Registry,
    };
    use connector_base::{bindings::cn_msg, Id};
    use kernel::{
        bindings::netlink_skb_parms,
        prelude::*,
        sync::{
            atomic::{Atomic, Relaxed},
            rcu, Arc, Completion,
        },
        time::{delay::fsleep, Delta},
        workqueue,
    };

    /// How many cookies were released in a test; cookies point here.
    type Released = Atomic<usize>;

    unsafe extern "C" fn receive(
        _: *mut c_void,
        _: *mut cn_msg,
        _: *mut netlink_skb_parms,
    ) -> c_int {
        0
    }

    unsafe extern "C" fn release(cookie: *mut c_void) {
        // SAFETY: The cookies of these tests point to a counter that outlives the registry.
        unsafe { &*cookie.cast::<Released>() }.fetch_add(1usize, Relaxed);
    }

    fn add(registry: &Registry, id: Id, name: &[u8], released: &Released) -> Result<u64> {
        let handler = Handler {
            receive,
            capability: None,
            release,
            cookie: core::ptr::from_ref(released).cast_mut().cast(),
            opens_group: false,
            description: core::ptr::null(),
            outcomes: Outcomes::new(),
            deferred: Deferred::new(),
        };
        let callback = Callback::Handler(KBox::new(handler, GFP_KERNEL)?);
        registry.register(
            id,
            Name::new(name.iter().copied()),
            callback,
            |_| Ok(()),
            |_| (),
        )
    }

    fn unregister(registry: &Registry, id: Id, serial: Option<u64>) {
        if let Some(serial) = registry.remove(id, serial, |_| (), || ()) {
            registry.wait(serial);
        }
    }

    fn unregister_all(registry: &Registry) {
        loop {
            let first = registry.lock().entries().next().map(|entry| entry.id());
            let Some(id) = first else { break };
            unregister(registry, id, None);
        }
    }

    fn new() -> Result<Pin<KBox<Registry>>> {
        KBox::pin_init(Registry::new(), GFP_KERNEL)
    }

    fn is_registered(registry: &Registry, id: Id) -> bool {
        registry.group(id).is_some()
    }

    #[test]
    fn id_is_taken_until_unregistered() -> Result {
        let (released, registry) = (Released::new(0), new()?);
        let id = Id::new(3, 4);
        add(&registry, id, b"one", &released)?;
        assert_eq!(registry.group(id), Some(3));
        assert!(add(&registry, id, b"two", &released) == Err(EINVAL));
        assert!(!is_registered(&registry, Id::new(4, 3)));
        unregister(&registry, id, None);
        assert_eq!(released.load(Relaxed), 1);
        assert!(!is_registered(&registry, id));
        add(&registry, id, b"two", &released)?;
        unregister_all(&registry);
        assert_eq!(released.load(Relaxed), 2);
        Ok(())
    }

    #[test]
    fn serial_tells_registrations_apart() -> Result {
        let (released, registry) = (Released::new(0), new()?);
        let id = Id::new(3, 4);
        let first = add(&registry, id, b"", &released)?;
        unregister(&registry, id, None);
        let second = add(&registry, id, b"", &released)?;
        unregister(&registry, id, Some(first));
        assert!(is_registered(&registry, id));
        unregister(&registry, id, Some(second));
        assert!(!is_registered(&registry, id));
        assert_eq!(released.load(Relaxed), 2);
        Ok(())
    }

    #[test]
    fn many_are_found_and_shown_in_order() -> Result {
        const N: u32 = 3000;

        let (released, registry) = (Released::new(0), new()?);
        for val in 0..N {
            add(&registry, Id::new(7, val), b"many", &released)?;
        }
        // Every third goes, some come back: the table has holes and grows again.
        for val in (0..N).step_by(3) {
            unregister(&registry, Id::new(7, val), None);
        }
        for val in 0..N {
            let kept = val.checked_rem(3) != Some(0);
            assert_eq!(is_registered(&registry, Id::new(7, val)), kept);
        }
        for val in 0..N {
            add(&registry, Id::new(8, val), b"more", &released)?;
        }
        let mut last = 0;
        let mut sorted = true;
        let mut count = 0;
        registry.lock().entries().for_each(|entry| {
            sorted &= entry.serial() > last;
            last = entry.serial();
            count += 1u32;
        });
        assert!(sorted);
        assert_eq!(count, N / 3 * 2 + N);
        for val in 0..N {
            unregister(&registry, Id::new(7, val), None);
        }
        assert!(!is_registered(&registry, Id::new(7, 1)));
        assert!(is_registered(&registry, Id::new(8, 1)));
        unregister_all(&registry);
        assert_eq!(released.load(Relaxed), 2 * N as usize);
        Ok(())
    }

    /// The numbers of the entries that a walk passes which begins at `from`.
    fn walk(registry: &Registry, cursor: &mut Cursor, from: u64) -> (u32, u64) {
        let (mut count, mut next) = (0u32, from);
        loop {
            let guard = rcu::read_lock();
            match cursor.seek(registry.table(), &guard, |entry| entry.serial() >= next) {
                Found::Entry(entry) => {
                    count = count.wrapping_add(1);
                    next = entry.serial().wrapping_add(1);
                }
                Found::Pause => (),
                Found::End => return (count, next),
            }
        }
    }

    #[test]
    fn walk_goes_on_where_an_entry_was() -> Result {
        const N: u32 = 1000;

        let (released, registry) = (Released::new(0), new()?);
        let table = registry.table();
        for val in 0..N {
            add(&registry, Id::new(9, val), b"walk", &released)?;
        }
        assert!(cursor::any(table, |entry| entry.id().val() == N - 1));
        assert!(!cursor::any(table, |entry| entry.id().val() == N));
        let mut cursor = Cursor::START;
        assert_eq!(walk(&registry, &mut cursor, 0), (N, u64::from(N) + 1));
        // It does not go back by itself.
        assert_eq!(walk(&registry, &mut cursor, 0).0, 1);
        assert!(cursor.is_behind(u64::from(N) - 1) && !cursor.is_behind(u64::from(N)));

        // A section is all that is passed in one step.
        let mut cursor = Cursor::START;
        let guard = rcu::read_lock();
        let found = cursor.seek(table, &guard, |entry| entry.id().val() >= N / 2);
        assert!(matches!(found, Found::Pause));
        drop(guard);
        assert!(cursor.is_behind(SECTION as u64) && !cursor.is_behind(SECTION as u64 + 1));

        // Its entry goes, and comes back behind all others.
        let id = Id::new(9, SECTION as u32);
        unregister(&registry, id, None);
        add(&registry, id, b"walk", &released)?;
        let from = SECTION as u64 + 1;
        assert_eq!(walk(&registry, &mut cursor, from).0, N - SECTION as u32);
        unregister_all(&registry);
        assert!(!cursor::any(table, |_| true));
        Ok(())
    }

    #[test]
    fn name_is_cut_at_31_bytes() -> Result {
        let (released, registry) = (Released::new(0), new()?);
        add(&registry, Id::new(1, 1), &[b'x'; 40], &released)?;
        add(&registry, Id::new(1, 2), b"ab\0cd", &released)?;
        let mut lengths = [0; 2];
        let mut places = lengths.iter_mut();
        registry.lock().entries().for_each(|entry| {
            if let Some(place) = places.next() {
                *place = entry.name().to_bytes().len();
            }
        });
        assert_eq!(lengths, [31, 2]);
        unregister_all(&registry);
        Ok(())
    }

    #[test]
    fn callback_that_unregisters_itself_is_released_when_it_returns() -> Result {
        let (released, registry) = (Released::new(0), new()?);
        let id = Id::new(1, 1);
        let other = Id::new(1, 2);
        add(&registry, id, b"", &released)?;
        add(&registry, other, b"", &released)?;
        let inside = |_: &Active| {
            unregister(&registry, id, None);
            assert_eq!(released.load(Relaxed), 0);
            assert!(!is_registered(&registry, id));
            // One that nobody runs, as well.
            unregister(&registry, other, None);
            assert!(!is_registered(&registry, other));
            assert_eq!(released.load(Relaxed), 0);
            Ok(())
        };
        registry.with_callback(id, inside, || Err(ENODEV), || Some(&registry))?;
        assert_eq!(released.load(Relaxed), 2);
        assert!(
            registry.with_callback(id, |_| Ok(()), || Err(ENODEV), || Some(&registry))
                == Err(ENODEV)
        );
        Ok(())
    }

    #[test]
    fn unregistering_waits_for_a_call_in_another_task() -> Result {
        #[pin_data]
        struct Shared {
            registry: Pin<KBox<Registry>>,
            released: Released,
            #[pin]
            started: Completion,
            returned: Atomic<u32>,
        }

        let shared = Arc::pin_init(
            try_pin_init!(Shared {
                registry: new()?,
                released: Released::new(0),
                started <- Completion::new(),
                returned: Atomic::new(0),
            }? Error),
            GFP_KERNEL,
        )?;
        let id = Id::new(1, 1);
        add(&shared.registry, id, b"", &shared.released)?;
        let caller = shared.clone();
        workqueue::system().try_spawn(GFP_KERNEL, move || {
            let inside = |_: &Active| {
                caller.started.complete_all();
                fsleep(Delta::from_millis(100));
                caller.returned.store(1, Relaxed);
            };
            caller
                .registry
                .with_callback(id, inside, || (), || Some(&caller.registry));
        })?;
        shared.started.wait_for_completion();
        unregister(&shared.registry, id, None);
        assert_eq!(shared.returned.load(Relaxed), 1);
        assert_eq!(shared.released.load(Relaxed), 1);
        Ok(())
    }
}

#[kunit_tests(cn_calls)]
mod calls_tests {
    use crate::calls::Calls;

    #[test]
    fn last_to_leave_is_told() {
        let calls = Calls::new();
        assert!(calls.try_enter());
        assert!(calls.try_enter());
        assert!(!calls.leave());
        assert_eq!(calls.completed(), Some(1));
        calls.kill();
        assert!(calls.is_dead());
        assert!(!calls.try_enter());
        assert!(!calls.leave());
        assert!(calls.leave());
    }

    #[test]
    fn idle_one_is_left_by_its_registration() {
        let calls = Calls::new();
        assert!(calls.try_enter());
        assert!(!calls.leave());
        calls.kill();
        assert!(calls.leave());
    }
}

#[kunit_tests(cn_frame)]
mod frame_tests {
    use crate::frame::{call_out, is_inside, Deferred};
    use core::ptr::NonNull;
    use kernel::sync::atomic::{Atomic, Relaxed};

    #[test]
    fn a_task_knows_whether_it_is_inside() {
        assert!(!is_inside());
        call_out(|| {
            assert!(is_inside());
            call_out(|| assert!(is_inside()));
            assert!(is_inside());
        });
        assert!(!is_inside());
    }

    /// Counts, and leaves a second node to be reclaimed.
    struct Node {
        count: Atomic<u32>,
        first: Deferred,
        second: Deferred,
    }

    unsafe fn reclaim_first(node: NonNull<()>, owner: NonNull<()>) {
        // SAFETY: The node is on the stack of the test.
        let node = unsafe { node.cast::<Node>().as_ref() };
        node.count.store(1, Relaxed);
        // SAFETY: The node stays until the test ends.
        unsafe {
            node.second
                .reclaim(reclaim_second, NonNull::from(node).cast(), owner);
        }
        // Not by recursion.
        assert_eq!(node.count.load(Relaxed), 1);
    }

    unsafe fn reclaim_second(node: NonNull<()>, _: NonNull<()>) {
        // SAFETY: As above.
        unsafe { node.cast::<Node>().as_ref() }
            .count
            .store(2, Relaxed);
    }

    #[test]
    fn outermost_call_reclaims_what_is_left() {
        let node = Node {
            count: Atomic::new(0),
            first: Deferred::new(),
            second: Deferred::new(),
        };
        let subject = NonNull::from(&node).cast();
        call_out(|| {
            call_out(|| {
                // SAFETY: The node stays until the test ends.
                unsafe { node.first.reclaim(reclaim_first, subject, subject) };
            });
            assert_eq!(node.count.load(Relaxed), 0);
        });
        assert_eq!(node.count.load(Relaxed), 2);
    }
}

#[kunit_tests(cn_event_log)]
mod event_log_tests {
    use crate::event_log::{Blank, EventLog};
    use connector_base::Id;
    use kernel::prelude::*;

    #[test]
    fn readers_read_at_their_own_pace() -> Result {
        let log = KBox::pin_init(EventLog::new(), GFP_KERNEL)?;
        let mut early = log.end();
        for val in 0..1000 {
            log.append(Blank::new(GFP_KERNEL)?, Id::new(1, val), true);
        }
        let mut late = log.end();
        assert!(late.next_up_to(u64::MAX).is_none());
        assert_eq!(log.last_number(), 1000);
        let first = early.next_up_to(1).map(|event| event.id);
        assert_eq!(first, Some(Id::new(1, 0)));
        assert!(early.next_up_to(1).is_none());
        log.append(Blank::new(GFP_KERNEL)?, Id::new(2, 0), false);
        let event = late.next_up_to(u64::MAX);
        assert!(event.is_some_and(|event| event.number == 1001 && !event.registered));
        let mut count = 0u32;
        while early.next_up_to(u64::MAX).is_some() {
            count = count.saturating_add(1);
        }
        assert_eq!(count, 1000);
        Ok(())
    }
}
