// SPDX-License-Identifier: GPL-2.0

//! Sample: a thermometer that multicasts its reading once a second. Programs can calibrate it.
//!
//! It shows state, typed payloads, and messages from a timer. Its program is `cn_sensor_user.c`.

use connector::{
    Access, Capability, Handler, Id, Message, Options, Outgoing, Registration, Sender,
};
use kernel::{
    impl_has_hr_timer,
    prelude::*,
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
use zerocopy_derive::{Immutable, KnownLayout};

/// The id of the sensor. The number of its group is 21 as well.
const ID: Id = Id::new(21, 1);

const SECOND: Delta = Delta::from_secs(1);

module! {
    type: SensorModule,
    name: "cn_sensor",
    authors: ["The connector-rs authors"],
    description: "Sample of a connector user: sensor with periodic messages",
    license: "GPL",
    imports_ns: ["CONNECTOR"],
}

/// The payload of the sensor's messages.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Reading {
    number: u32,
    millidegrees: i32,
}

/// The payload of a request that calibrates, which needs `CAP_NET_ADMIN`. An empty message requests
/// a reading.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Calibration {
    offset: i32,
}

#[pin_data]
struct Sensor {
    #[pin]
    timer: HrTimer<Self>,
    offset: Atomic<i32>,
    readings: Atomic<u32>,
}

impl Sensor {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            timer <- HrTimer::new(),
            offset: Atomic::new(0),
            readings: Atomic::new(0),
        })
    }

    /// The temperature rises and falls.
    fn read(&self) -> Reading {
        let number = self.readings.fetch_add(1u32, Relaxed);
        let measured = match number % 4 {
            0 => 20_000,
            2 => 20_500,
            _ => 20_250,
        };
        Reading {
            number,
            millidegrees: self.offset.load(Relaxed).saturating_add(measured),
        }
    }
}

impl Handler for Sensor {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        if !message.payload().is_empty() {
            if !sender.capable(Capability::NET_ADMIN) {
                return Err(EPERM);
            }
            // A payload of another size is `EINVAL`.
            let calibration = message.payload_as::<Calibration>()?;
            self.offset.store(calibration.offset, Relaxed);
        }
        sender.reply(message, &self.read())
    }
}

impl HrTimerCallback for Sensor {
    type Pointer<'a> = Arc<Self>;

    // Runs in softirq, where nothing may sleep.
    fn run(
        sensor: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        let reading = sensor.read();
        // Sending fails if no socket listens. The sensor ignores that.
        let _ = Outgoing::new(ID, &reading)
            .seq(reading.number)
            .send(GFP_ATOMIC);
        context.forward_now(SECOND);
        HrTimerRestart::Restart
    }
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Sensor {
        mode: RelativeSoftMode<Monotonic>, field: self.timer
    }
}

/// The module's parts. Unloading drops them in this order.
struct SensorModule {
    _timer: ArcHrTimerHandle<Sensor>,
    _registration: Registration<Sensor>,
}

impl kernel::Module for SensorModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let options = Options::new()
            .access(Access::Public)
            .open_group()
            .description(c"temperature in millidegrees");
        let sensor = Arc::pin_init(Sensor::new(), GFP_KERNEL)?;
        let registration = Registration::with_options(ID, c"cn_sensor", sensor.clone(), options)?;
        Ok(Self {
            _timer: sensor.start(SECOND),
            _registration: registration,
        })
    }
}
