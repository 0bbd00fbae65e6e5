// SPDX-License-Identifier: GPL-2.0

//! Detection of the kernel's features.

use connector_client::{Connector, Id, Kernel, Registrations, Rights, Statistics};

use crate::client::command;
use crate::sockets::ID;
use crate::{on_c, Outcome, Test, Tested};

pub(crate) const TESTS: &[Test] = &[
    ("detect.connector", connector),
    ("detect.opens_no_socket", opens_no_socket),
    ("detect.rights", rights),
    ("files.registrations", registrations),
    ("files.statistics", statistics),
];

fn connector() -> Tested {
    let kernel = Kernel::detect();
    let ours = !on_c();
    let expected = match std::env::var("CN_PROVIDER").as_deref() {
        Ok("c") => Connector::C,
        Ok("guest") => Connector::Guest,
        _ => Connector::Rust,
    };
    assert_eq!(kernel.connector, expected);
    assert_eq!((kernel.acknowledgements, kernel.statistics), (ours, ours));
    assert_eq!(
        kernel.notification_channel,
        ours.then_some(Id::NOTIFICATION)
    );
    assert!(
        kernel
            .release
            .starts_with(|digit: char| digit.is_ascii_digit()),
        "{kernel:?}"
    );
    Ok(Outcome::Passed)
}

fn opens_no_socket() -> Tested {
    let sockets = || std::fs::read_to_string("/proc/net/netlink").map(|text| text.lines().count());
    let before = sockets()?;
    // A socket that is left open would use a descriptor.
    let open_files = std::fs::read_dir("/proc/self/fd")?.count();
    Kernel::detect();
    assert_eq!(sockets()?, before);
    assert_eq!(std::fs::read_dir("/proc/self/fd")?.count(), open_files);
    Ok(Outcome::Passed)
}

fn rights() -> Tested {
    let rights = Rights::of_this_process();
    assert!(
        rights.net_admin && rights.initial_user_namespace && rights.user == 0,
        "{rights:?}"
    );
    Ok(Outcome::Passed)
}

fn registrations() -> Tested {
    command("add 25:1 tools count")?;
    let registrations = Registrations::read()?;
    assert_eq!(
        registrations.get(ID).map(|entry| entry.name.as_str()),
        Some("tools")
    );
    assert!(registrations.get(Id::new(25, 9)).is_none());
    Ok(Outcome::Passed)
}

fn statistics() -> Tested {
    let statistics = Statistics::read();
    if on_c() {
        assert!(statistics.is_err());
        return Ok(Outcome::Passed);
    }
    let before = statistics?
        .counter("delivered")
        .ok_or("the counter is missing")?;
    command("add 25:1 tools echo")?;
    let mut socket = connector_client::Socket::open()?;
    socket
        .request(ID, b"hello")?
        .wait(&mut socket, crate::sockets::PATIENCE)?;
    let statistics = Statistics::read()?;
    assert_eq!(statistics.counter("delivered"), Some(before + 1));
    let callback = statistics
        .callbacks
        .iter()
        .find(|callback| callback.id == ID)
        .ok_or("the callback is not listed")?;
    assert_eq!((callback.delivered, callback.name.as_str()), (1, "tools"));
    Ok(Outcome::Passed)
}
