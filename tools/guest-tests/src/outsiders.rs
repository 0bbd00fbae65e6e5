// SPDX-License-Identifier: GPL-2.0

//! Processes without rights and in other namespaces. Each process is this program, with the name of a helper.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use connector_client::{Connector, Error, Filter, Kernel, ProcessEvents, Rights, Socket, Watch};

use crate::client::command;
use crate::sockets::ID;
use crate::{on_c, Outcome, Test, Tested};

pub(crate) const TESTS: &[Test] = &[
    ("outsider.user", user),
    ("outsider.other_network_namespace", other_network_namespace),
    (
        "outsider.root_of_a_user_namespace",
        root_of_a_user_namespace,
    ),
];

fn this_program() -> String {
    "/proc/self/exe".to_owned()
}

fn must_succeed(command: &mut Command) -> Tested {
    let output = command.output()?;
    if output.status.success() {
        return Ok(Outcome::Passed);
    }
    Err(format!(
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).replace('\n', " | ")
    )
    .into())
}

fn user() -> Tested {
    command("add 25:1 tools echo")?;
    must_succeed(Command::new(this_program()).arg("user").uid(1000).gid(1000))
}

fn other_network_namespace() -> Tested {
    must_succeed(Command::new("unshare").args(["-n", "/selftests/client", "namespace"]))
}

fn root_of_a_user_namespace() -> Tested {
    command("add 25:1 tools echo")?;
    must_succeed(
        Command::new("unshare")
            .args(["-U", "-r", "/selftests/client", "namespace-root"])
            .uid(1000)
            .gid(1000),
    )
}

/// Runs a helper.
pub(crate) fn run(helper: &str) -> ExitCode {
    let result = match helper {
        "user" => as_user(),
        "namespace" => in_namespace(),
        "namespace-root" => as_namespace_root(),
        _ => Err(format!("there is no helper {helper}").into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

type Helped = Result<(), Box<dyn std::error::Error>>;

/// An ordinary user may send to public callbacks only.
fn as_user() -> Helped {
    let rights = Rights::of_this_process();
    assert!(!rights.net_admin && rights.user == 1000, "{rights:?}");
    talks_but_joins_nothing(rights)
}

fn as_namespace_root() -> Helped {
    let rights = Rights::of_this_process();
    assert!(
        !rights.net_admin && !rights.initial_user_namespace && rights.user == 0,
        "{rights:?}"
    );
    talks_but_joins_nothing(rights)
}

fn talks_but_joins_nothing(rights: Rights) -> Helped {
    let mut socket = Socket::open()?;
    let reply = socket
        .request(ID, b"hello")?
        .wait(&mut socket, Duration::from_secs(20))?;
    assert_eq!(reply.payload.as_ref(), b"hello");
    // The C connector opens all odd groups, so the test uses an even one.
    let error = socket.join(24).expect_err("joined");
    assert!(
        matches!(error, Error::NoRightToJoin { group: 24, other_user_namespace }
            if other_user_namespace != rights.initial_user_namespace),
        "{error:?}"
    );
    assert!(error
        .advice()
        .is_some_and(|advice| advice.contains("CAP_NET_ADMIN")));
    if !on_c() {
        let error = Watch::open(24).expect_err("watches");
        assert!(matches!(error, Error::NoRightToJoin { .. }), "{error:?}");
    }
    if Kernel::detect().process_events {
        let events = ProcessEvents::open(Filter::ALL);
        if rights.initial_user_namespace {
            events?;
        } else {
            let error = events.err();
            assert!(matches!(error, Some(Error::NoRight { .. })), "{error:?}");
        }
    }
    Ok(())
}

fn in_namespace() -> Helped {
    assert_eq!(Kernel::detect().connector, Connector::OtherNamespace);
    let error = Socket::open().expect_err("the socket was opened");
    assert!(matches!(error, Error::OtherNamespace), "{error:?}");
    Ok(())
}
