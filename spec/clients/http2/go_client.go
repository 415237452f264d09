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
	"os"
	"strings"
	"sync"
)

type request struct {
	Do, Origin, Method, Path, Body string
	Headers                        map[string]string
	Count                          int
}

type answer map[string]any

func ask(ctx context.Context, client *http.Client, r request) answer {
	asked, err := http.NewRequestWithContext(ctx, r.Method, r.Origin+r.Path, strings.NewReader(r.Body))
	if err != nil {
		return answer{"error": err.Error()}
	}
	for name, value := range r.Headers {
		asked.Header.Set(name, value)
	}
	got, err := client.Do(asked)
	if err != nil {
		return answer{"error": err.Error()}
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil || got.ProtoMajor != 2 {
		return answer{"error": fmt.Sprint(err, got.Proto)}
	}
	return answer{"status": got.StatusCode, "body": string(body)}
}

func many(client *http.Client, r request) answer {
	var wait sync.WaitGroup
	answers := make([]answer, r.Count)
	for i := range answers {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			answers[i] = ask(context.Background(), client, r)
		}(i)
	}
	wait.Wait()
	good := 0
	for _, one := range answers {
		if one["status"] == 200 {
			good++
		}
	}
	return answer{"good": good}
}

func main() {
	pem, err := os.ReadFile(os.Getenv("CLIENT_CA"))
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{
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
