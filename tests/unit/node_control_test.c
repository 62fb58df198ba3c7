#include "node/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit/suite.h"

static char directory[] = "/tmp/tandem-control-XXXXXX";
static char path[sizeof directory + sizeof "/socket"];
static struct control *control;
static struct control_request request;

static void setup(void)
{
    char error[CONTROL_ERROR_MAX];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/socket", directory);
    ck_assert_int_eq(control_open(&control, path, error), 0);
}

static void teardown(void)
{
    control_close(control);
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_int_eq(rmdir(directory), 0);
}

static int connect_client(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(fd, 0);
    strcpy(address.sun_path, path);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
}

/* What the client has been told by now, "" if nothing, "(closed)" at the end. */
static const char *heard(int fd)
{
    static char text[2048];
    ssize_t size = recv(fd, text, sizeof text - 1, 0);
    if (size < 0 && errno == EAGAIN)
        return "";
    if (size <= 0)
        return "(closed)";
    text[size] = '\0';
    return text;
}

static void check_refused(int fd)
{
    ck_assert(!control_next(control, 0, &request));
    ck_assert_str_eq(
        heard(fd), "{\"error\":\"the request is not one line with a JSON object\",\"exit\":100}\n");
    ck_assert_str_eq(heard(fd), "(closed)");
    close(fd);
}

START_TEST(a_request_is_answered_and_the_client_let_go)
{
    setup();
    int client = connect_client();
    say(client, "{\"command\": \"status\"}\n");
    ck_assert(control_next(control, 0, &request));
    ck_assert_uint_ne(request.ticket, 0);
    ck_assert_uint_eq(request.uid, geteuid());
    ck_assert_str_eq(json_string_value(json_object_get(request.json, "command")), "status");
    control_answer(control, request.ticket, json_pack("{s:s}", "done", "yes"));
    ck_assert_str_eq(heard(client), "{\"done\":\"yes\"}\n");
    ck_assert_str_eq(heard(client), "(closed)");
    ck_assert(!control_next(control, 0, &request));
    close(client);
    teardown();
}
END_TEST

START_TEST(a_request_may_come_byte_by_byte)
{
    static const char text[] = "{\"a\":1}\n";
    setup();
    int client = connect_client();
    for (size_t i = 0; i + 2 < sizeof text; i++) {
        ck_assert_int_eq(send(client, text + i, 1, 0), 1);
        ck_assert(!control_next(control, 0, &request));
    }
    say(client, "\n");
    ck_assert(control_next(control, 0, &request));
    ck_assert_int_eq(json_integer_value(json_object_get(request.json, "a")), 1);
    close(client);
    teardown();
}
END_TEST

START_TEST(what_is_no_line_with_an_object_is_refused)
{
    static const char *const wrong[] = {"\n",         "status\n", "[1]\n",
                                        "{\"a\":1\n", "{} {}\n",  "{\"a\":1,\"a\":2}\n",
                                        "\"text\"\n", "12\n",     "\xff\xfe\n"};
    setup();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int client = connect_client();
        say(client, wrong[i]);
        check_refused(client);
    }
    teardown();
}
END_TEST

START_TEST(the_longest_request_is_taken_and_a_longer_one_refused)
{
    char text[CONTROL_REQUEST_MAX + 1] = "";
    setup();
    memset(text, ' ', CONTROL_REQUEST_MAX);
    memcpy(text, "{}", 2);
    text[CONTROL_REQUEST_MAX - 1] = '\n';
    int client = connect_client();
    say(client, text);
    ck_assert(control_next(control, 0, &request));
    close(client);

    text[CONTROL_REQUEST_MAX - 1] = ' ';
    client = connect_client();
    say(client, text);
    check_refused(client);
    teardown();
}
END_TEST

START_TEST(an_answer_to_a_client_that_is_gone_is_ignored)
{
    setup();
    int client = connect_client();
    say(client, "{}\n");
    ck_assert(control_next(control, 0, &request));
    uint64_t ticket = request.ticket;
    close(client);
    ck_assert(!control_next(control, 0, &request));

    /* Its place is another's now, who must not hear the answer. */
    client = connect_client();
    say(client, "{}\n");
    ck_assert(control_next(control, 0, &request));
    ck_assert_uint_ne(request.ticket, ticket);
    control_answer(control, ticket, json_object());
    ck_assert_str_eq(heard(client), "");
    close(client);
    teardown();
}
END_TEST

/* It hangs up between its request and the answer, and nobody has looked yet. */
START_TEST(an_answer_into_a_closed_socket_harms_nobody)
{
    setup();
    int client = connect_client();
    say(client, "{}\n");
    ck_assert(control_next(control, 0, &request));
    close(client);
    control_answer(control, request.ticket, json_object());
    ck_assert(!control_next(control, 0, &request));
    ck_assert_int_eq(control_deadline(control), INT64_MAX);
    teardown();
}
END_TEST

START_TEST(a_client_beyond_the_limit_is_told_so_at_once)
{
    int clients[CONTROL_CLIENTS_MAX];
    setup();
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        clients[i] = connect_client();
        ck_assert(!control_next(control, 0, &request));
    }
    int late = connect_client();
    ck_assert(!control_next(control, 0, &request));
    ck_assert_str_eq(heard(late),
                     "{\"error\": \"as many requests as there may be are being answered: try "
                     "again\", \"exit\": 111}\n");
    close(late);

    close(clients[0]);
    ck_assert(!control_next(control, 0, &request));
    clients[0] = connect_client();
    say(clients[0], "{}\n");
    ck_assert(control_next(control, 0, &request));
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        close(clients[i]);
    teardown();
}
END_TEST

START_TEST(a_client_that_says_nothing_is_let_go)
{
    setup();
    ck_assert_int_eq(control_deadline(control), INT64_MAX);
    int client = connect_client();
    ck_assert(!control_next(control, 1000, &request));
    ck_assert_int_eq(control_deadline(control), 1000 + CONTROL_TIMEOUT_MS + 1);
    ck_assert(!control_next(control, 1000 + CONTROL_TIMEOUT_MS, &request));
    ck_assert_str_eq(heard(client), "");
    ck_assert(!control_next(control, control_deadline(control), &request));
    ck_assert_str_eq(heard(client), "(closed)");
    ck_assert_int_eq(control_deadline(control), INT64_MAX);
    close(client);
    teardown();
}
END_TEST

/* An answer larger than the socket holds is sent in pieces while others are served. */
START_TEST(a_large_answer_waits_for_a_slow_reader)
{
    enum { SIZE = 1 << 20 };
    static char text[SIZE + 1];
    size_t total = 0;
    setup();
    int client = connect_client();
    say(client, "{}\n");
    ck_assert(control_next(control, 0, &request));
    memset(text, 'x', SIZE);
    control_answer(control, request.ticket, json_pack("{s:s}", "a", text));
    for (const char *piece = heard(client); strcmp(piece, "(closed)") != 0; piece = heard(client)) {
        total += strlen(piece);
        ck_assert(!control_next(control, 0, &request));
    }
    ck_assert_uint_eq(total, SIZE + strlen("{\"a\":\"\"}\n"));
    close(client);
    teardown();
}
END_TEST

START_TEST(the_socket_is_for_its_owner_alone)
{
    struct stat status;
    setup();
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    teardown();
}
END_TEST

START_TEST(a_socket_in_use_is_not_taken_but_a_residual_one_is)
{
    char error[CONTROL_ERROR_MAX];
    struct control *second;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    setup();
    ck_assert_int_eq(control_open(&second, path, error), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(error, "another tandem-worker"));
    ck_assert_int_eq(access(path, F_OK), 0);
    control_close(control);

    int residual = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(address.sun_path, path);
    ck_assert_int_eq(bind(residual, (const struct sockaddr *)&address, sizeof address), 0);
    close(residual);
    ck_assert_int_eq(control_open(&control, path, error), 0);
    teardown();
}
END_TEST

/* What is no socket is somebody's file. */
START_TEST(a_file_in_the_place_of_the_socket_is_left_alone)
{
    char error[CONTROL_ERROR_MAX];
    struct control *second = NULL;
    char file[sizeof directory + sizeof "/file"];
    setup();
    snprintf(file, sizeof file, "%s/file", directory);
    close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ck_assert_int_eq(control_open(&second, file, error), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(error, "cannot listen there"));
    ck_assert_int_eq(unlink(file), 0);
    teardown();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/control");
    SUITE_CASE(suite, "requests", a_request_is_answered_and_the_client_let_go,
               a_request_may_come_byte_by_byte, what_is_no_line_with_an_object_is_refused,
               the_longest_request_is_taken_and_a_longer_one_refused,
               a_large_answer_waits_for_a_slow_reader);
    SUITE_CASE(suite, "clients", an_answer_to_a_client_that_is_gone_is_ignored,
               an_answer_into_a_closed_socket_harms_nobody,
               a_client_beyond_the_limit_is_told_so_at_once, a_client_that_says_nothing_is_let_go);
    SUITE_CASE(suite, "socket", the_socket_is_for_its_owner_alone,
               a_socket_in_use_is_not_taken_but_a_residual_one_is,
               a_file_in_the_place_of_the_socket_is_left_alone);
    return suite_run(suite);
}
