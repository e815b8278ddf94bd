/* A server that answers every request at once with the same chat completion, so that a benchmark
 * of what stands before it measures that and not this. HTTP/1.1 with keep-alive and pipelining,
 * Content-Length bodies only, one thread, 127.0.0.1 only.
 *
 *   upstream PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CAPACITY = 64 * 1024, EVENTS = 256 };

static const char body[] =
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,"
    "\"model\":\"bench\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
    "\"content\":\"A lighthouse warns ships of rocks and shallow water, and helps them to find "
    "their way into a harbour at night. Each has a light of its own, so that a captain can tell "
    "from the rhythm of the flashes which one it is.\"},\"logprobs\":null,"
    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":60,\"completion_tokens\":48,"
    "\"total_tokens\":108}}";

struct connection {
  int socket;
  size_t length; /* bytes in data */
  char data[CAPACITY + 1];
};

static char answer[1024];
static size_t answer_length;

/* The length of the first request in data, 0 if it is not all there yet, -1 if it never will be. */
static long request_length(const struct connection *connection) {
  const char *end = strstr(connection->data, "\r\n\r\n");
  if (!end) return connection->length < CAPACITY ? 0 : -1;
  size_t length = (size_t)(end - connection->data) + 4;
  for (const char *line = connection->data; line < end; line = strstr(line, "\r\n") + 2) {
    if (strncasecmp(line, "content-length:", 15) == 0) length += strtoul(line + 15, NULL, 10);
    if (strncasecmp(line, "transfer-encoding:", 18) == 0) return -1;
  }
  if (length > CAPACITY) return -1;
  return connection->length < length ? 0 : (long)length;
}

/* Reads what there is and answers what is complete; -1 where the connection has to end. */
static int serve(struct connection *connection) {
  ssize_t count = recv(connection->socket, connection->data + connection->length,
                       CAPACITY - connection->length, 0);
  if (count < 0 && errno == EAGAIN) return 0;
  if (count <= 0) return -1;
  connection->length += (size_t)count;
  connection->data[connection->length] = 0;
  for (long length; (length = request_length(connection)) != 0;) {
    if (length < 0) return -1;
    /* An answer is smaller than any socket's buffer; a client that does not read has lost. */
    if (send(connection->socket, answer, answer_length, MSG_NOSIGNAL) != (ssize_t)answer_length)
      return -1;
    connection->length -= (size_t)length;
    memmove(connection->data, connection->data + length, connection->length + 1);
  }
  return 0;
}

static int listen_on(int port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) {
    perror("upstream");
    exit(1);
  }
  return listener;
}

static void accept_all(int listener, int poll) {
  for (int client, yes = 1; (client = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
      close(client);
      continue;
    }
    connection->socket = client;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(poll, EPOLL_CTL_ADD, client, &event);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: upstream PORT\n");
    return 64;
  }
  answer_length = (size_t)snprintf(answer, sizeof answer,
                                   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                   "Content-Length: %zu\r\n\r\n%s",
                                   strlen(body), body);
  int listener = listen_on(atoi(argv[1])), poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int count = epoll_wait(poll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;
      if (!connection) {
        accept_all(listener, poll);
      } else if (serve(connection) < 0) {
        close(connection->socket);
        free(connection);
      }
    }
  }
}
