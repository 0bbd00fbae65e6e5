// SPDX-License-Identifier: GPL-2.0

//! Unit tests that need a kernel but no user space.
//!
//! Only in modules that are built with `CONFIG_CONNECTOR_KUNIT_TEST=y`, for a kernel with
//! `CONFIG_KUNIT=y`; they run when the module is loaded.

use kernel::prelude::kunit_tests;

#[kunit_tests(cn_registry)]
mod registry_tests {
    use crate::{
        netlink::SenderParms,
        table::{
            self, Active, Callback, CoreHandler, Cursor, Found, Internal, Name, Registry, SECTION,
        },
    };
    use connector_base::{wire::Header, Id};
    use kernel::{
        prelude::*,
        sync::{
            atomic::{Atomic, Relaxed},
            rcu, Arc, Completion,
        },
        time::{delay::fsleep, Delta},
        workqueue,
    };

    /// A handler that counts how often it was released in a test.
    struct Released(Atomic<usize>);

    impl Released {
        const fn new() -> Self {
            Self(Atomic::new(0))
        }

        fn count(&self) -> usize {
            self.0.load(Relaxed)
        }
    }

    impl Internal for Released {
        fn receive(&self, _: Header, _: &[u8], _: SenderParms<'_>) -> Result {
            Ok(())
        }

        fn released(&self) {
            self.0.fetch_add(1usize, Relaxed);
        }
    }

    /// A counter for one test, which may run more than once.
    macro_rules! released {
        () => {{
            static RELEASED: Released = Released::new();
            RELEASED.0.store(0, Relaxed);
            &RELEASED
        }};
    }

    fn add(registry: &Registry, id: Id, name: &[u8], released: &'static Released) -> Result<u64> {
        let handler = CoreHandler::internal(released, None, c"");
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
        let (released, registry) = (released!(), new()?);
        let id = Id::new(3, 4);
        add(&registry, id, b"one", released)?;
        assert_eq!(registry.group(id), Some(3));
        assert!(add(&registry, id, b"two", released) == Err(EINVAL));
        assert!(!is_registered(&registry, Id::new(4, 3)));
        unregister(&registry, id, None);
        assert_eq!(released.count(), 1);
        assert!(!is_registered(&registry, id));
        add(&registry, id, b"two", released)?;
        unregister_all(&registry);
        assert_eq!(released.count(), 2);
        Ok(())
    }

    #[test]
    fn serial_tells_registrations_apart() -> Result {
        let (released, registry) = (released!(), new()?);
        let id = Id::new(3, 4);
        let first = add(&registry, id, b"", released)?;
        unregister(&registry, id, None);
        let second = add(&registry, id, b"", released)?;
        unregister(&registry, id, Some(first));
        assert!(is_registered(&registry, id));
        unregister(&registry, id, Some(second));
        assert!(!is_registered(&registry, id));
        assert_eq!(released.count(), 2);
        Ok(())
    }

    #[test]
    fn many_are_found_and_shown_in_order() -> Result {
        const N: u32 = 3000;

        let (released, registry) = (released!(), new()?);
        for val in 0..N {
            add(&registry, Id::new(7, val), b"many", released)?;
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
            add(&registry, Id::new(8, val), b"more", released)?;
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
        assert_eq!(released.count(), 2 * N as usize);
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

        let (released, registry) = (released!(), new()?);
        let table = registry.table();
        for val in 0..N {
            add(&registry, Id::new(9, val), b"walk", released)?;
        }
        assert!(table::any(table, |entry| entry.id().val() == N - 1));
        assert!(!table::any(table, |entry| entry.id().val() == N));
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
        add(&registry, id, b"walk", released)?;
        let from = SECTION as u64 + 1;
        assert_eq!(walk(&registry, &mut cursor, from).0, N - SECTION as u32);
        unregister_all(&registry);
        assert!(!table::any(table, |_| true));
        Ok(())
    }

    #[test]
    fn name_is_cut_at_31_bytes() -> Result {
        let (released, registry) = (released!(), new()?);
        add(&registry, Id::new(1, 1), &[b'x'; 40], released)?;
        add(&registry, Id::new(1, 2), b"ab\0cd", released)?;
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
        let (released, registry) = (released!(), new()?);
        let id = Id::new(1, 1);
        let other = Id::new(1, 2);
        add(&registry, id, b"", released)?;
        add(&registry, other, b"", released)?;
        let inside = |_: &Active| {
            unregister(&registry, id, None);
            assert_eq!(released.count(), 0);
            assert!(!is_registered(&registry, id));
            // One that nobody runs, as well.
            unregister(&registry, other, None);
            assert!(!is_registered(&registry, other));
            assert_eq!(released.count(), 0);
            Ok(())
        };
        registry.with_callback(id, inside, || Err(ENODEV), || Some(&registry))?;
        assert_eq!(released.count(), 2);
        assert!(
            registry.with_callback(id, |_| Ok(()), || Err(ENODEV), || Some(&registry))
                == Err(ENODEV)
        );
        Ok(())
    }

    /// A registry, and a call of a callback of it in another task.
    #[pin_data]
    struct Called {
        registry: Pin<KBox<Registry>>,
        #[pin]
        started: Completion,
        #[pin]
        may_return: Completion,
        /// Whether the callback is about to return.
        returns: Atomic<u32>,
        /// The call was left.
        #[pin]
        returned: Completion,
    }

    impl Called {
        const ID: Id = Id::new(1, 1);

        /// Registers a callback, has another task call it, and waits until it runs `inside`.
        fn start(
            released: &'static Released,
            inside: impl FnOnce(&Self) + Send + 'static,
        ) -> Result<Arc<Self>> {
            let this = Arc::pin_init(
                try_pin_init!(Self {
                    registry: new()?,
                    started <- Completion::new(),
                    may_return <- Completion::new(),
                    returns: Atomic::new(0),
                    returned <- Completion::new(),
                }? Error),
                GFP_KERNEL,
            )?;
            add(&this.registry, Self::ID, b"", released)?;
            let caller = this.clone();
            workqueue::system().try_spawn(GFP_KERNEL, move || {
                let registry = &caller.registry;
                let call = |_: &Active| {
                    caller.started.complete_all();
                    inside(&caller);
                    caller.returns.store(1, Relaxed);
                };
                registry.with_callback(Self::ID, call, || (), || Some(registry));
                caller.returned.complete_all();
            })?;
            this.started.wait_for_completion();
            Ok(this)
        }
    }

    #[test]
    fn nothing_is_reclaimed_before_the_event() -> Result {
        let released = released!();
        let called = Called::start(released, |called| called.may_return.wait_for_completion())?;
        // The last call returns after the callback was removed and before the event is sent.
        let send = || {
            called.may_return.complete_all();
            called.returned.wait_for_completion();
            assert_eq!(released.count(), 0);
        };
        if let Some(serial) = called.registry.remove(Called::ID, None, |_| (), send) {
            called.registry.wait(serial);
        }
        assert_eq!(released.count(), 1);
        Ok(())
    }

    #[test]
    fn unregistering_waits_for_a_call_in_another_task() -> Result {
        let released = released!();
        let called = Called::start(released, |_| fsleep(Delta::from_millis(100)))?;
        unregister(&called.registry, Called::ID, None);
        assert_eq!(called.returns.load(Relaxed), 1);
        assert_eq!(released.count(), 1);
        Ok(())
    }
}

#[kunit_tests(cn_calls)]
mod calls_tests {
    use crate::calls::Calls;

    #[test]
    fn last_to_leave_knows_it() {
        let calls = Calls::new();
        assert!(calls.try_enter());
        assert!(calls.try_enter());
        assert!(!calls.leave());
        assert_eq!(calls.completed(), Some(1));
        calls.kill();
        assert!(calls.completed().is_none());
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
    use crate::calls::{call_out, is_inside, reclaim, Deferred, Reclaim};
    use kernel::{
        prelude::*,
        sync::{
            atomic::{Atomic, Relaxed},
            Arc,
        },
    };

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

    /// Notes in what order nodes are reclaimed, and leaves another one to be reclaimed.
    struct Node {
        order: Arc<Atomic<u32>>,
        next: Option<Arc<Node>>,
        deferred: Deferred,
    }

    impl Node {
        fn new(order: &Arc<Atomic<u32>>, next: Option<Arc<Node>>) -> Result<Arc<Self>> {
            let node = Self {
                order: order.clone(),
                next,
                deferred: Deferred::new(),
            };
            Ok(Arc::new(node, GFP_KERNEL)?)
        }
    }

    impl Reclaim for Node {
        fn deferred(&self) -> &Deferred {
            &self.deferred
        }

        fn reclaim(this: Arc<Self>) {
            let before = this.order.fetch_add(1u32, Relaxed);
            if let Some(next) = &this.next {
                reclaim(next.clone());
                // Not by recursion.
                assert_eq!(this.order.load(Relaxed), before + 1);
            }
        }
    }

    /// The calls of modules are in functions of their own. Of two frames in one function, the
    /// compiler may put either at the higher address, and not each processor's puts the outer one.
    #[inline(never)]
    fn call_from_a_module(call: impl FnOnce()) {
        call_out(call);
    }

    #[test]
    fn outermost_call_reclaims_what_is_left() -> Result {
        let order = Arc::new(Atomic::new(0u32), GFP_KERNEL)?;
        let second = Node::new(&order, None)?;
        let first = Node::new(&order, Some(second))?;
        call_out(|| {
            call_from_a_module(|| reclaim(first));
            assert_eq!(order.load(Relaxed), 0);
        });
        assert_eq!(order.load(Relaxed), 2);
        Ok(())
    }
}
