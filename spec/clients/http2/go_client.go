// Go's net/http. A JSON line { do, … } in, a JSON line out (helpers/peer.lua).
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"time"
)

type request struct {
	Do, Origin, Method, Path, Body string
	Headers                        map[string]string
	Count                          int
}

type answer map[string]any

func ask(ctx context.Context, client *http.Client, r request) answer {
	isConnected := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { isConnected = false },
		GotConn: func(httptrace.GotConnInfo) { isConnected = true },
	})
	asked, err := http.NewRequestWithContext(ctx, r.Method, r.Origin+r.Path, strings.NewReader(r.Body))
	if err != nil {
		return answer{"error": err.Error()}
	}
	for name, value := range r.Headers {
		asked.Header.Set(name, value)
	}
	got, err := client.Do(asked)
	if err != nil {
		return answer{"error": err.Error(), "refused": !isConnected}
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil || got.ProtoMajor != 2 {
		return answer{"error": fmt.Sprint(err, got.Proto)}
	}
	fields := [][2]string{}
	for name, values := range got.Header {
		for _, value := range values {
			fields = append(fields, [2]string{strings.ToLower(name), value})
		}
	}
	return answer{"status": got.StatusCode, "headers": fields, "body": string(body), "server": server(got)}
}

// Each worker of each server has its own first half of the request's id.
func server(got *http.Response) string {
	return (got.Header.Get("X-Request-Id") + "        ")[:8]
}

// Each job at the same time.
func together(count int, job func(i int)) {
	var wait sync.WaitGroup
	for i := 0; i < count; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			job(i)
		}(i)
	}
	wait.Wait()
}

func many(client *http.Client, r request) answer {
	answers := make([]answer, r.Count)
	together(r.Count, func(i int) { answers[i] = ask(context.Background(), client, r) })
	good := 0
	for _, one := range answers {
		if one["status"] == 200 {
			good++
		}
	}
	return answer{"good": good}
}

// Count at once, again and again, until another server answers.
func move(client *http.Client, r request) answer {
	var mutex sync.Mutex
	again, lost, first := 0, "", ask(context.Background(), client, r)["server"]
	together(r.Count, func(int) {
		for {
			got := ask(context.Background(), client, r)
			switch {
			case got["refused"] == true: // nobody listens there for a moment
				mutex.Lock()
				again++
				mutex.Unlock()
				time.Sleep(10 * time.Millisecond)
			case got["status"] != 200:
				mutex.Lock()
				lost += fmt.Sprint(got["status"], got["error"], "; ")
				mutex.Unlock()
				return
			case got["server"] != first:
				return
			}
		}
	})
	return answer{"again": again, "lost": lost}
}

func noRedirect(*http.Request, []*http.Request) error {
	return http.ErrUseLastResponse
}

func main() {
	pem, err := os.ReadFile(os.Getenv("CLIENT_CA"))
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{CheckRedirect: noRedirect, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			panic(err)
		}
		var said answer
		switch r.Do {
		case "many":
			said = many(client, r)
		case "move":
			said = move(client, r)
		case "cancel":
			ctx, stop := context.WithCancel(context.Background())
			stop()
			r.Method = "GET"
			ask(ctx, client, r)
			said = answer{}
		default:
			said = ask(context.Background(), client, r)
		}
		text, _ := json.Marshal(said)
		fmt.Println(string(text))
	}
}
