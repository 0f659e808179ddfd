// Memory shared by processes: one makes it, all find it, nothing stays, whoever is killed.
#include "base/alloc.h"
#include "base/fault.h"
#include "base/shared.h"
#include "base/str.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = 100000, RACERS = 8 };
static struct wc_error err;

static unsigned char byte(size_t i) {
    return (unsigned char)(i * 31 % 251);
}

static bool holds(const struct wc_shared *s) {
    bool same = s->n_bytes == N;
    for (size_t i = 0; i < N && same; i++)
        same = s->data[i] == byte(i);
    return same;
}

static void fill(struct wc_shared *s) {
    for (size_t i = 0; i < N; i++)
        s->data[i] = byte(i);
}

// Ends of pipes: `start` closes when all may begin, `in` tells that one has the content, `leave`
// closes when all have it.
struct gates {
    int start[2], in[2], leave[2];
};

// Opens, makes where nothing is there; the exit code's bit 0: right content; bit 1: made it.
static int racer(const char *key, const struct gates *g) {
    struct wc_shared s;
    char c;
    close(g->start[1]);
    close(g->leave[1]);
    if (read(g->start[0], &c, 1) < 0 || wc_shared_open(key, &s, &err) != WC_OK)
        return 0;
    bool made = !s.ready;
    if (made) {
        if (wc_shared_make(&s, N, &err) != WC_OK)
            return 0;
        fill(&s);
        usleep(50000);
        if (wc_shared_publish(&s, &err) != WC_OK)
            return 0;
    }
    int code = (holds(&s) ? 1 : 0) | (made ? 2 : 0);
    if (write(g->in[1], "x", 1) != 1 || read(g->leave[0], &c, 1) < 0)
        return 0;
    wc_shared_release(&s);
    return code;
}

static void test_race(const char *key) {
    struct gates g;
    int right = 0, made = 0;
    pid_t pid[RACERS];
    char c;
    if (pipe(g.start) != 0 || pipe(g.in) != 0 || pipe(g.leave) != 0)
        exit(2);
    for (int i = 0; i < RACERS; i++) {
        pid[i] = fork();
        if (pid[i] == 0)
            _exit(racer(key, &g));
    }
    close(g.start[1]);
    close(g.in[1]);
    for (int i = 0; i < RACERS && read(g.in[0], &c, 1) == 1; i++)
        ;
    close(g.leave[1]);
    for (int i = 0; i < RACERS; i++) {
        int status = 0;
        waitpid(pid[i], &status, 0);
        right += WIFEXITED(status) && (WEXITSTATUS(status) & 1);
        made += WIFEXITED(status) && (WEXITSTATUS(status) & 2) != 0;
    }
    close(g.start[0]);
    close(g.in[0]);
    close(g.leave[0]);
    test_ok(right == RACERS && made == 1, "%d processes at once: %d have the content, %d made it",
            RACERS, right, made);
}

// A child that is killed while it fills.
static void test_killed(const char *key) {
    int told[2];
    char c;
    if (pipe(told) != 0)
        exit(2);
    pid_t pid = fork();
    if (pid == 0) {
        struct wc_shared s;
        if (wc_shared_open(key, &s, &err) == WC_OK && wc_shared_make(&s, N, &err) == WC_OK)
            s.data[0] = 1;
        if (write(told[1], "x", 1) == 1)
            pause();
        _exit(0);
    }
    test_ok(read(told[0], &c, 1) == 1, "a child fills");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    struct wc_shared s = {0};
    test_ok(wc_shared_open(key, &s, &err) == WC_OK && !s.ready, "what it left is not ready");
    test_ok(wc_shared_make(&s, N, &err) == WC_OK, "and is made again");
    fill(&s);
    test_ok(wc_shared_publish(&s, &err) == WC_OK && holds(&s), "as it should be");
    close(told[0]);
    close(told[1]);
    char *path = wc_strdup(s.path);
    struct wc_shared second = {0};
    test_ok(wc_shared_open(key, &second, &err) == WC_OK && second.ready && second.data != s.data &&
                holds(&second),
            "a second user finds it");
    wc_shared_release(&s);
    test_ok(access(path, F_OK) == 0 && holds(&second), "the file stays for the second");
    wc_shared_release(&second);
    test_ok(access(path, F_OK) != 0, "the last user removes it");
    wc_free(path);
}

static struct wc_shared made(const char *key) {
    struct wc_shared s = {0};
    if (wc_shared_open(key, &s, &err) != WC_OK || wc_shared_make(&s, N, &err) != WC_OK)
        exit(2);
    fill(&s);
    if (wc_shared_publish(&s, &err) != WC_OK)
        exit(2);
    return s;
}

// Damage, another key's file, leftovers, other users' files.
static void test_damage(const char *key) {
    struct wc_shared s = made(key), again = {0};
    char *path = wc_strdup(s.path), *left = wc_sprintf("%s.left", s.path);
    int fd = open(path, O_RDWR);
    test_ok(pwrite(fd, "!", 1, 4096 + 500) == 1, "a byte is damaged");
    close(fd);
    test_ok(wc_shared_open(key, &again, &err) == WC_ERR_IO && strstr(err.text, "damaged"),
            "which a second user finds: %s", err.text);

    // Under a name that no other process's sweep looks at.
    const char *base = strrchr(path, '/');
    char *aside = wc_sprintf("%.*s/t025-%ld", (int)(base - path), path, (long)getpid());
    test_ok(link(path, aside) == 0, "the damaged file is left over");
    wc_shared_release(&s);
    test_ok(rename(aside, path) == 0 && wc_shared_open(key, &s, &err) == WC_OK && !s.ready,
            "it is made again");
    wc_shared_release(&s);

    wc_free(aside);
    fd = open(left, O_RDWR | O_CREAT, 0600);
    close(fd);
    s = made(key);
    test_ok(access(left, F_OK) != 0, "what nobody holds is removed by the next that makes one");
    test_ok(access(s.path, F_OK) == 0 && holds(&s), "but not what is in use");
    wc_shared_release(&s);
    test_ok(symlink("/etc/passwd", path) == 0 && wc_shared_open(key, &s, &err) == WC_ERR_IO,
            "a link in its place is refused: %s", err.text);
    unlink(path);
    wc_free(path);
    wc_free(left);
}

static void test_faults(const char *key) {
    static const enum wc_fault_kind kinds[] = {WC_FAULT_ALLOC, WC_FAULT_OPEN, WC_FAULT_MAP,
                                               WC_FAULT_WRITE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct wc_shared s = {0};
        wc_fault_arm(kinds[i], 1, false);
        enum wc_err rc = wc_shared_open(key, &s, &err);
        rc = rc == WC_OK ? wc_shared_make(&s, N, &err) : rc;
        wc_fault_reset();
        test_ok(rc != WC_OK && !s.path, "a failure of kind %zu is an error: %s", i, err.text);
        wc_shared_release(&s);
    }
    struct wc_shared s = made(key);
    test_ok(holds(&s), "and nothing is in the way afterwards");
    wc_shared_release(&s);
    wc_shared_release(&s);
}

int main(void) {
    char key[64];
    snprintf(key, sizeof key, "t025 %ld", (long)getpid());
    test_race(key);
    test_killed(key);
    test_damage(key);
    test_faults(key);
    return test_done();
}
