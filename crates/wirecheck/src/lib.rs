//! What an HTTP/1.1 server must do on the wire, as one table of checks.
//!
//! A check opens connections, sends bytes, and reads the answers as strictly as
//! a careful client would. It knows the server only as a program that speaks
//! TCP, so the table serves our own stages and a reader's server alike.
//!
//! Where to find what: [`checks`] holds the table, a module for each stage and three for
//! what is asked of every page, of kept connections, and of the process; [`rows`] are the
//! checks that are data, and [`exercises`] those of the book's exercises; [`client`] and
//! [`answer`] are the words that the others are written in; [`pages`] finds out what a server
//! has; [`server`] starts and ends the program under test; [`tls`] speaks to one that
//! speaks HTTPS; [`run`] runs checks on it;
//! [`report`] talks to people, and [`machines`] to machines.
//!
//! Whatever waits for the server gives up after its patience ([`server::PATIENCE`]
//! unless somebody has set another), with a [`check::Failure`] that says for what.

pub mod answer;
pub mod check;
pub mod checks;
pub mod client;
pub mod exchange;
pub mod exercises;
pub mod known;
pub mod machines;
pub mod pages;
pub mod report;
pub mod rows;
pub mod run;
pub mod server;
pub mod site;
pub mod stages;
pub mod tls;
