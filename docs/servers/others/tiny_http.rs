use tiny_http::Header;
use tiny_http::Method;
use tiny_http::Response;
use tiny_http::Server;

fn main() {
    let port = std::env::args().nth(1).unwrap();
    let server = Server::http(format!("127.0.0.1:{port}")).unwrap();
    let header = |text: &str| text.parse::<Header>().unwrap();
    for mut request in server.incoming_requests() {
        let path = request.url().split('?').next().unwrap_or_default().to_string();
        let page = matches!(path.as_str(), "/" | "/hello");
        let answer = match request.method() {
            Method::Get | Method::Head if page => {
                Response::from_string(include_str!("page.html")).with_header(header("Content-Type: text/html"))
            }
            _ if page => Response::from_string("").with_status_code(405).with_header(header("Allow: GET, HEAD")),
            Method::Post if path == "/echo" => {
                let mut body = Vec::new();
                match request.as_reader().read_to_end(&mut body) {
                    Ok(_) => Response::from_data(body).with_header(header("Content-Type: text/plain")),
                    Err(_) => Response::from_string("").with_status_code(400),
                }
            }
            _ if path == "/echo" => Response::from_string("").with_status_code(405).with_header(header("Allow: POST")),
            _ => Response::from_string("not found\n").with_status_code(404),
        };
        let _ = request.respond(answer);
    }
}
