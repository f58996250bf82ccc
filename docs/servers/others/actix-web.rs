use actix_web::App;
use actix_web::HttpResponse;
use actix_web::HttpServer;
use actix_web::web;

async fn page() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html").body(include_str!("page.html"))
}

async fn echo(body: web::Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body(body)
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    let app = || {
        let get = || web::get().to(page);
        App::new()
            .service(web::resource("/").route(get()).route(web::head().to(page)))
            .service(web::resource("/hello").route(get()).route(web::head().to(page)))
            .service(web::resource("/echo").route(web::post().to(echo)))
    };
    HttpServer::new(app).workers(2).bind(("127.0.0.1", port))?.run().await
}
