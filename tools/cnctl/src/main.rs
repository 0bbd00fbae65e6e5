// SPDX-License-Identifier: GPL-2.0

//! `cnctl`: inspects and uses the kernel connector.

mod arguments;
mod capture;
mod doctor;
mod failure;
mod generate;
mod list;
mod listen;
mod output;
mod processes;
mod send;
mod signals;
mod stats;
mod watch;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use failure::Failure;
use output::{printable, Output};

fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut out = Output::new(arguments.json, arguments.color);
    match arguments.command {
        Command::List(options) => list::run(&options, &mut out),
        Command::Send(options) => send::run(&options, &mut out),
        Command::Listen(options) => listen::run(&options, &mut out),
        Command::Watch(options) => watch::run(&options, &mut out),
        Command::Proc(options) => processes::run(&options, &mut out),
        Command::Stats(options) => stats::run(&options, &mut out),
        Command::Doctor => doctor::run(&mut out),
        Command::Completion(options) => generate::completion(&options, &mut out),
        Command::Man(options) => generate::manual(&options),
    }?;
    out.flush()
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader needs no more.
        Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(failure) => {
            // If standard error cannot be written, the exit code is enough.
            let mut to = std::io::stderr();
            let _ = writeln!(to, "cnctl: {}", printable(&failure.to_string()));
            if let Some(advice) = failure.advice() {
                let _ = writeln!(to, "  {advice}");
            }
            ExitCode::from(failure.code())
        }
    }
}
