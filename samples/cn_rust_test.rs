// SPDX-License-Identifier: GPL-2.0

//! Sample: the counterpart of the kernel's `samples/connector/cn_test.c`.
//!
//! The module has the ids of `cn_test.c` and sends the same messages, so the kernel's program
//! `ucon` works with it. Its own program, `cn_rust_test_user.c`, also makes the notification
//! request that the kernel's sample has in code that is not compiled.

use connector::{AnyRegistration, Change, Draft, Handler, Id, Message, Registration, Sender};
use connector::{Watch, Watcher};
use core::fmt::Write;
use kernel::{
    impl_has_hr_timer,
    prelude::*,
    str::Formatter,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, ArcBorrow,
    },
    time::{
        hrtimer::{
            ArcHrTimerHandle, HrTimer, HrTimerCallback, HrTimerCallbackContext, HrTimerPointer,
            HrTimerRestart, RelativeSoftMode,
        },
        Delta, Monotonic,
    },
};

const FIRST: Id = Id::new(14, 0x456);
const SECOND: Id = Id::new(14, 0x457);

const PERIOD: Delta = Delta::from_secs(1);

module! {
    type: TestModule,
    name: "cn_rust_test",
    authors: ["The connector-rs authors"],
    description: "Sample of a connector user: counterpart of cn_test",
    license: "GPL",
    imports_ns: ["CONNECTOR"],
}

#[pin_data]
struct Counter {
    #[pin]
    timer: HrTimer<Self>,
    count: Atomic<u32>,
}

impl Counter {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            timer <- HrTimer::new(),
            count: Atomic::new(0),
        })
    }
}

impl Handler for Counter {
    fn receive(&self, message: &Message<'_>, _sender: &Sender<'_>) -> Result {
        pr_info!(
            "idx={:x}, val={:x}, seq={}, ack={}, len={}\n",
            message.id().idx(),
            message.id().val(),
            message.seq(),
            message.ack(),
            message.payload().len()
        );
        Ok(())
    }
}

impl Watcher for Counter {
    fn changed(&self, id: Id, change: Change) {
        // The ranges that `cn_rust_test_user` requests.
        let near = |value: u32, first: u32| value.checked_sub(first).is_some_and(|far| far < 10);
        let val_matches = near(id.val(), FIRST.val()) || near(id.val(), FIRST.val() + 20);
        if near(id.idx(), FIRST.idx()) && val_matches {
            pr_info!("{:x}.{:x}: {:?}\n", id.idx(), id.val(), change);
        }
    }
}

impl HrTimerCallback for Counter {
    type Pointer<'a> = Arc<Self>;

    // Runs in softirq, where nothing may sleep.
    fn run(
        counter: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        let count = counter.count.fetch_add(1u32, Relaxed);
        // The closure writes into the buffer that is sent, and runs only if a socket listens.
        let _ = Draft::new(FIRST, 32).seq(count).send(GFP_ATOMIC, |text| {
            write!(Formatter::new(text), "counter = {count}").map_err(|_| EMSGSIZE)?;
            // The length includes the zero at the end.
            let len = text.iter().position(|byte| *byte == 0).ok_or(EMSGSIZE)?;
            Ok(len.saturating_add(1))
        });
        context.forward_now(PERIOD);
        HrTimerRestart::Restart
    }
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Counter {
        mode: RelativeSoftMode<Monotonic>, field: self.timer
    }
}

/// The module's parts. Unloading drops them in this order.
struct TestModule {
    _timer: ArcHrTimerHandle<Counter>,
    _registrations: [AnyRegistration; 2],
    _watch: Watch<Counter>,
}

impl kernel::Module for TestModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let counter = Arc::pin_init(Counter::new(), GFP_KERNEL)?;
        let watch = Watch::new(counter.clone())?;
        let registrations = [
            Registration::new(FIRST, c"cn_test", counter.clone())?.into(),
            Registration::new(SECOND, c"cn_test", counter.clone())?.into(),
        ];
        Ok(Self {
            _timer: counter.start(PERIOD),
            _registrations: registrations,
            _watch: watch,
        })
    }
}
