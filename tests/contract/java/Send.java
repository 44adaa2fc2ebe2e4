import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Sends a photo as the stock client does, which offers HTTP/2: raw, as a form, of unknown length, and again. */
public class Send {
    public static void main(String[] words) throws Exception {
        URI address = URI.create(words[0]);
        byte[] photo = Files.readAllBytes(Path.of(words[1]));
        HttpClient client = HttpClient.newHttpClient();
        byte[] head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.jpg\"\r\n\r\n"
                .getBytes(StandardCharsets.UTF_8);
        byte[] tail = "\r\n--b--\r\n".getBytes(StandardCharsets.UTF_8);
        for (int round = 0; round < 2; round++) {
            tell(client, HttpRequest.newBuilder(address).header("Content-Type", "image/jpeg")
                    .POST(BodyPublishers.ofByteArray(photo)));
            tell(client, HttpRequest.newBuilder(address).header("Content-Type", "multipart/form-data; boundary=b")
                    .POST(BodyPublishers.ofByteArrays(List.of(head, photo, tail))));
            tell(client, HttpRequest.newBuilder(address).header("Content-Type", "image/jpeg")
                    .POST(BodyPublishers.ofInputStream(() -> new java.io.ByteArrayInputStream(photo))));
            tell(client, HttpRequest.newBuilder(address.resolve("/health/live")).GET());
        }
    }

    private static void tell(HttpClient client, HttpRequest.Builder request) throws Exception {
        HttpResponse<String> answer = client.send(request.build(), BodyHandlers.ofString());
        System.out.println(answer.statusCode() + " " + answer.body());
    }
}
