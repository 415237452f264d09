// Java's java.net.http. A line of a form { do, … } in, with headers as header.NAME, a JSON line out (helpers/peer.lua).
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.KeyStore;
import java.security.cert.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.*;
import java.util.stream.*;
import javax.net.ssl.*;

public class JavaClient {
    static HttpClient client;

    static HttpResponse<String> ask(Map<String, String> told) throws Exception {
        var body = HttpRequest.BodyPublishers.ofString(told.getOrDefault("body", ""));
        var request = HttpRequest.newBuilder(URI.create(told.get("origin") + told.get("path")))
            .method(told.get("method"), told.containsKey("body") ? body : HttpRequest.BodyPublishers.noBody());
        told.forEach((name, value) -> {
            if (name.startsWith("header."))
                request.header(name.substring(7), value);
        });
        // Above the server's limit of streams Java does not wait but throws.
        while (true) {
            try {
                var answer = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
                if (answer.version() != HttpClient.Version.HTTP_2)
                    throw new IOException("not HTTP/2");
                return answer;
            } catch (IOException error) {
                if (!String.valueOf(error.getMessage()).contains("too many concurrent streams"))
                    throw error;
                Thread.sleep(5);
            }
        }
    }

    // Each worker of each server has its own first half of the request's id.
    static String serverOf(HttpResponse<String> answer) {
        return answer.headers().firstValue("x-request-id").get().substring(0, 8);
    }

    static String together(int count, Callable<String> job) throws Exception {
        var pool = Executors.newFixedThreadPool(count);
        var said = new StringBuilder();
        for (var one : pool.invokeAll(Collections.nCopies(count, job)))
            said.append(one.get());
        pool.shutdown();
        return said.toString();
    }

    static String many(Map<String, String> told) throws Exception {
        int count = Integer.parseInt(told.get("count"));
        String good = together(count, () -> ask(told).statusCode() == 200 ? "." : "");
        return "{\"good\":" + good.length() + "}";
    }

    // Count at once, again and again, until another server answers.
    static String move(Map<String, String> told) throws Exception {
        String first = serverOf(ask(told));
        return "{\"lost\":" + text(together(Integer.parseInt(told.get("count")), () -> {
            while (true) {
                try {
                    var answer = ask(told);
                    if (answer.statusCode() != 200)
                        return answer.statusCode() + "; ";
                    if (!serverOf(answer).equals(first))
                        return "";
                } catch (ConnectException error) { // nobody listens there for a moment
                    Thread.sleep(10);
                } catch (IOException error) {
                    return error + "; ";
                }
            }
        })) + "}";
    }

    static String cancel(Map<String, String> told) {
        client.sendAsync(HttpRequest.newBuilder(URI.create(told.get("origin") + told.get("path"))).build(),
            HttpResponse.BodyHandlers.discarding()).cancel(true);
        return "{}";
    }

    static String text(String raw) {
        var out = new StringBuilder("\"");
        for (char one : raw.toCharArray())
            out.append(one < ' ' || one == '"' || one == '\\' ? String.format("\\u%04x", (int) one) : one);
        return out.append('"').toString();
    }

    static String json(HttpResponse<String> answer) {
        String fields = answer.headers().map().entrySet().stream()
            .flatMap(field -> field.getValue().stream().map(value -> "[" + text(field.getKey()) + "," + text(value) + "]"))
            .filter(field -> !field.startsWith("[\":")).collect(Collectors.joining(","));
        return "{\"status\":" + answer.statusCode() + ",\"headers\":[" + fields + "],\"body\":" + text(answer.body()) + "}";
    }

    static SSLContext trust(String file) throws Exception {
        var store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (var stream = Files.newInputStream(Path.of(file))) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(stream));
        }
        var managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(store);
        var context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }

    public static void main(String[] words) throws Exception {
        client = HttpClient.newBuilder().sslContext(trust(System.getenv("CLIENT_CA"))).build();
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            var told = new HashMap<String, String>();
            for (String pair : line.split("&")) {
                String[] sides = pair.split("=", 2);
                told.put(sides[0], URLDecoder.decode(sides[1], StandardCharsets.UTF_8));
            }
            String said;
            try {
                said = switch (told.get("do")) {
                    case "many" -> many(told);
                    case "move" -> move(told);
                    case "cancel" -> cancel(told);
                    default -> json(ask(told));
                };
            } catch (Exception error) {
                said = "{\"error\":" + text(error.toString()) + "}";
            }
            System.out.println(said);
        }
        System.exit(0);
    }
}
