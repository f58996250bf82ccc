//! The command `mdbook-steps`: what mdBook calls, and what chapter writers call.

use std::error::Error;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process;

use clap::Parser;
use clap::Subcommand;
use mdbook_steps::book::Book;
use mdbook_steps::book::Problem;
use mdbook_steps::prove;
use mdbook_steps::sizes;
use mdbook_steps::stage;
use mdbook_steps::workshop;
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
    /// Print the directives for a chapter, to be put in order
    Pieces {
        /// The stage's number
        stage: u32,
    },
    /// Build the program of every checkpoint: all must compile
    Checkpoints {
        /// Only those of this chapter
        chapter: Option<u32>,
        /// Build nothing, print one line for each
        #[arg(long)]
        list: bool,
    },
    /// Write the program of a checkpoint into a new folder, where `cargo run` starts it
    At {
        /// The checkpoint's number, 5.3 say
        checkpoint: String,
        /// The folder
        folder: PathBuf,
    },
    /// Say what is wrong in docs/src
    Check,
    /// Asked by mdBook: can this renderer be served?
    Supports {
        /// The renderer's name
        renderer: String,
    },
}

fn main() {
    if let Err(error) = run() {
        eprintln!("error: {error}");
        process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    match args.command {
        None => preprocess(),
        Some(Command::Supports { renderer }) => process::exit(i32::from(renderer != "html")),
        Some(Command::Sizes) => {
            print!("{}", sizes::table(&stage::read_all(&stage::workspace())?));
            Ok(())
        }
        Some(Command::Pieces { stage }) => {
            print!(
                "{}",
                prove::skeleton(&Book::read(&stage::workspace())?, stage)?
            );
            Ok(())
        }
        Some(Command::Checkpoints { chapter, list }) => checkpoints(chapter, list),
        Some(Command::At { checkpoint, folder }) => at(&checkpoint, &folder),
        Some(Command::Check) => {
            fail_on(&Book::read(&stage::workspace())?.check()?);
            Ok(())
        }
    }
}

/// Builds the checkpoints of the book, or of a chapter, or lists them.
fn checkpoints(wanted: Option<u32>, list: bool) -> Result<(), Box<dyn Error>> {
    let book = Book::read(&stage::workspace())?;
    let chapters = book.chapters()?;
    let is_wanted = |number: u32| wanted.is_none_or(|wanted| wanted == number);
    let of_stage = |file: &str| stage::number_of(file).is_some_and(is_wanted);
    if let Some(number) = wanted.filter(|_| !chapters.iter().any(|(file, _)| of_stage(file))) {
        return Err(format!("there is no chapter {number}").into());
    }
    // A chapter with faults may have fewer checkpoints than its author thinks.
    let mut problems = Vec::new();
    let mut shown = Vec::new();
    for (file, chapter) in chapters {
        let mut own = chapter.problems.iter().filter(|_| of_stage(&file));
        own.by_ref()
            .for_each(|problem| problems.push(problem.to_string()));
        shown.push((file, chapter));
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    if list {
        shown.retain(|(file, _)| of_stage(file));
        print!("{}", prove::list(&shown));
    } else {
        match prove::prove(&book, &shown, &is_wanted) {
            Ok(said) => print!("{said}"),
            Err(faults) => {
                eprint!("{faults}");
                process::exit(1);
            }
        }
    }
    if !problems.is_empty() {
        process::exit(1);
    }
    Ok(())
}

/// Writes down the program of a checkpoint.
fn at(wanted: &str, folder: &Path) -> Result<(), Box<dyn Error>> {
    let book = Book::read(&stage::workspace())?;
    let chapters = book.chapters()?;
    let mut all = chapters
        .iter()
        .flat_map(|(_, chapter)| &chapter.checkpoints);
    let Some(found) = all.find(|checkpoint| checkpoint.name == wanted) else {
        return Err(format!(
            "there is no checkpoint {wanted}; these are all: mdbook-steps checkpoints --list"
        )
        .into());
    };
    workshop::write_alone(&book.root, &found.program, folder)?;
    println!(
        "{} is checkpoint {wanted} ({}): cargo run there",
        folder.display(),
        found.says
    );
    Ok(())
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
        let chapter = book.chapter(path, content);
        problems.extend(chapter.problems);
        value["content"] = chapter.html.into();
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
