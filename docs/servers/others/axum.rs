use axum::Router;
use axum::body::Bytes;
use axum::response::Html;
use axum::routing::get;
use axum::routing::post;

#[tokio::main]
async fn main() {
    let page = || async { Html(include_str!("page.html")) };
    let app = Router::new()
        .route("/", get(page))
        .route("/hello", get(page))
        .route("/echo", post(|body: Bytes| async { body }));
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    axum::serve(listener, app).await.unwrap();
}
