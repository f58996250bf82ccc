package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	page := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" && r.URL.Path != "/hello" {
			http.NotFound(w, r)
			return
		}
		if r.Method != "GET" && r.Method != "HEAD" {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		http.ServeFile(w, r, os.Getenv("PAGE"))
	}
	http.HandleFunc("/", page)
	http.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" {
			w.Header().Set("Allow", "POST")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Write(body)
	})
	http.Handle("/files/", http.StripPrefix("/files/", http.FileServer(http.Dir(os.Getenv("ROOT")))))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
