//! The command `mdbook-steps`: what mdBook calls, and what chapter writers call.

use std::error::Error;

use clap::Parser;
use clap::Subcommand;
use mdbook_steps::sizes;
use mdbook_steps::stage;

/// Shows the real diffs between the stages in the book.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print how many lines of code each stage changes
    Sizes,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let stages = stage::read_all(&stage::workspace())?;
    match args.command {
        Command::Sizes => print!("{}", sizes::table(&stages)),
    }
    Ok(())
}
