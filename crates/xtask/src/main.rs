//! What the scripts of this repository do when a shell would not do it safely. They start it
//! in the root of the checkout.

mod git;
mod propagate;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

/// The long parts of the scripts
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
enum Command {
    /// Carry what changed in a stage through all later ones (scripts/propagate --help)
    Propagate {
        /// The stage's number
        stage: u8,
    },
}

fn main() -> ExitCode {
    match run(&Command::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Is all done? If not, a person has something to mend.
fn run(command: &Command) -> Result<bool, Box<dyn Error>> {
    match command {
        Command::Propagate { stage } => propagate::propagate(*stage),
    }
}
