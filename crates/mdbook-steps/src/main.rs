//! The command `mdbook-steps`: what mdBook calls, and what chapter writers call.

use std::error::Error;
use std::io;
use std::path::Path;
use std::process;

use clap::Parser;
use clap::Subcommand;
use mdbook_steps::book::Book;
use mdbook_steps::book::Problem;
use mdbook_steps::sizes;
use mdbook_steps::stage;
use serde_json::Value;

/// Shows the real diffs between the stages in the book.
///
/// Without a command it is mdBook's preprocessor: it reads the book on standard input.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print how many lines of code each stage changes
    Sizes,
    /// Print the directives that show all pieces of a stage
    Pieces {
        /// The stage's number
        stage: u32,
    },
    /// Say what is wrong in docs/src
    Check,
    /// Asked by mdBook: can this renderer be served?
    Supports {
        /// The renderer's name
        renderer: String,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    match args.command {
        None => preprocess(),
        Some(Command::Supports { renderer }) => process::exit(i32::from(renderer != "html")),
        Some(Command::Sizes) => {
            print!("{}", sizes::table(&stage::read_all(&stage::workspace())?));
            Ok(())
        }
        Some(Command::Pieces { stage }) => {
            print!("{}", Book::read(&stage::workspace())?.suggest(stage)?);
            Ok(())
        }
        Some(Command::Check) => {
            fail_on(&Book::read(&stage::workspace())?.check()?);
            Ok(())
        }
    }
}

/// mdBook's protocol: `[context, book]` comes in as JSON, the changed book goes out.
fn preprocess() -> Result<(), Box<dyn Error>> {
    let mut input: Value = serde_json::from_reader(io::stdin())?;
    // The book's own folder is docs/, in the workspace.
    let docs = input[0]["root"].as_str().ok_or("mdBook sent no root")?;
    let book = Book::read(&Path::new(docs).join(".."))?;
    let mut problems = Vec::new();
    change(&book, &mut input[1], &mut problems);
    fail_on(&problems);
    serde_json::to_writer(io::stdout(), &input[1])?;
    Ok(())
}

/// Changes every chapter, however deep: an object with a path and a content.
fn change(book: &Book, value: &mut Value, problems: &mut Vec<Problem>) {
    if let (Some(path), Some(content)) = (value["path"].as_str(), value["content"].as_str()) {
        let (content, found) = book.chapter(path, content);
        problems.extend(found);
        value["content"] = content.into();
    }
    match value {
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|value| change(book, value, problems)),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|value| change(book, value, problems)),
        _ => {}
    }
}

fn fail_on(problems: &[Problem]) {
    for problem in problems {
        eprintln!("{problem}");
    }
    if !problems.is_empty() {
        process::exit(1);
    }
}
