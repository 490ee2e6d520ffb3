//! The program `pitstop`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(pitstop::cli::run())
}
