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
        entry::{Callback, Handler, Name, Outcomes},
        frame::Deferred,
        registry::Registry,
    };
    use connector::{bindings::cn_msg, Id};
    use kernel::{
        bindings::netlink_skb_parms,
        prelude::*,
        sync::{
            atomic::{Atomic, Relaxed},
            Arc, Completion,
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
        registry.register(id, Name::new(name.iter().copied()), callback, |_| Ok(()), |_| ())
    }

    fn unregister(registry: &Registry, id: Id, serial: Option<u64>) {
        if let Some(serial) = registry.remove(id, serial, |_| ()) {
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
        let inside = |_: &Active<'_>| {
            unregister(&registry, id, None);
            assert_eq!(released.load(Relaxed), 0);
            assert!(!is_registered(&registry, id));
            // One that nobody runs is released at once, here too.
            unregister(&registry, other, None);
            assert_eq!(released.load(Relaxed), 1);
            Ok(())
        };
        registry.with_callback(id, inside, Err)?;
        assert_eq!(released.load(Relaxed), 2);
        assert!(registry.with_callback(id, |_| Ok(()), Err) == Err(ENODEV));
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
            let inside = |_: &Active<'_>| {
                caller.started.complete_all();
                fsleep(Delta::from_millis(100));
                caller.returned.store(1, Relaxed);
            };
            caller.registry.with_callback(id, inside, |_| ());
        })?;
        shared.started.wait_for_completion();
        unregister(&shared.registry, id, None);
        assert_eq!(shared.returned.load(Relaxed), 1);
        assert_eq!(shared.released.load(Relaxed), 1);
        Ok(())
    }
}

#[kunit_tests(cn_running)]
mod running_tests {
    use crate::running::Running;
    use kernel::{
        prelude::*,
        sync::{Arc, Completion},
        time::{delay::fsleep, Delta},
        workqueue,
    };

    #[test]
    fn who_sits_is_seen_until_he_leaves() -> Result {
        let running = KBox::pin_init(Running::new(), GFP_KERNEL)?;
        assert!(!running.is_running(2));
        let seat = running.look(64)?.run(2);
        assert!(running.is_running(2));
        assert!(!running.is_running(3));
        assert!(running.is_inside(64));
        assert!(!running.is_inside(128));
        seat.leave();
        assert!(!running.is_running(2));
        assert!(!running.is_inside(64));
        Ok(())
    }

    /// Unregistering must not miss a callback that is being looked for.
    #[test]
    fn who_looks_is_waited_for() -> Result {
        #[pin_data]
        struct Shared {
            #[pin]
            running: Running,
            #[pin]
            looks: Completion,
            #[pin]
            may_leave: Completion,
        }

        let shared = Arc::pin_init(
            pin_init!(Shared {
                running <- Running::new(),
                looks <- Completion::new(),
                may_leave <- Completion::new(),
            }),
            GFP_KERNEL,
        )?;
        let looker = shared.clone();
        workqueue::system().try_spawn(GFP_KERNEL, move || {
            if let Ok(looking) = looker.running.look(64) {
                looker.looks.complete_all();
                fsleep(Delta::from_millis(100));
                let seat = looking.run(2);
                looker.may_leave.wait_for_completion();
                seat.leave();
            }
        })?;
        shared.looks.wait_for_completion();
        assert!(shared.running.is_running(2));
        assert!(!shared.running.is_running(3));
        shared.may_leave.complete_all();
        Ok(())
    }

    #[test]
    fn one_task_may_sit_twice() -> Result {
        let running = KBox::pin_init(Running::new(), GFP_KERNEL)?;
        let outer = running.look(64)?.run(2);
        let inner = running.look(64)?.run(3);
        inner.leave();
        assert!(running.is_running(2));
        assert!(!running.is_running(3));
        assert!(running.is_inside(64));
        outer.leave();
        assert!(!running.is_inside(64));
        Ok(())
    }

    #[test]
    fn a_full_row_grows() -> Result {
        let running = KBox::pin_init(Running::new(), GFP_KERNEL)?;
        let mut seats = KVec::new();
        for callback in 2..=41 {
            seats.push(running.look(64)?.run(callback), GFP_KERNEL)?;
        }
        for callback in 2..=41 {
            assert!(running.is_running(callback));
        }
        assert!(!running.is_running(42));
        assert!(running.is_inside(64));
        while let Some(seat) = seats.pop() {
            seat.leave();
        }
        for callback in 2..=41 {
            assert!(!running.is_running(callback));
        }
        assert!(!running.is_inside(64));
        Ok(())
    }
}
