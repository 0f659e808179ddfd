// The run directory's lock: one holder, dead ones replaced, others explained, no two winners ever.
#include "test.h"

#include "base/alloc.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/io.h"
#include "journal/lock_holder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[400], path[480];

static bool has(const struct wc_error *err, const char *part) {
    if (strstr(err->text, part))
        return true;
    test_note("\"%s\" lacks \"%s\"", err->text, part);
    return false;
}

static void put(const char *file, const char *text, size_t n) {
    test_n_failed += wc_io_write_atomic(file, text, n, NULL) != WC_OK;
}

// Writes a holder into `file` and its text's claim path into claim[0 .. 560).
static void put_holder(const char *file, const struct wc_lock_holder *h, char *claim) {
    struct wc_buf text = {0};
    char hex[65];
    wc_lock_holder_write(&text, h);
    put(file, text.data, text.n);
    wc_sha256_hex(text.data, text.n, hex);
    snprintf(claim, 560, "%s.claim.%.16s", path, hex);
    wc_buf_release(&text);
}

static size_t n_files(void) {
    struct wc_strlist names = {0};
    wc_io_list(dir, true, &names, NULL);
    size_t n = names.n;
    wc_strlist_release(&names);
    return n;
}

// Tries to take the lock as `self` and, when it got it, releases it again.
static enum wc_err try_as(const struct wc_lock_holder *self, struct wc_lock_holder *replaced,
                          struct wc_error *err) {
    struct wc_lock *l = NULL;
    enum wc_err rc = wc_lock_take_as(path, self, &l, replaced, err);
    if (rc == WC_OK && wc_lock_release(&l, err) != WC_OK)
        return WC_ERR_BUG;
    return rc;
}

static enum wc_err try_it(struct wc_lock_holder *replaced, struct wc_error *err) {
    struct wc_lock_holder self;
    wc_lock_self(&self);
    return try_as(&self, replaced, err);
}

static void basics(void) {
    struct wc_lock_holder self, read = {0}, replaced;
    struct wc_lock *l = NULL;
    struct wc_error err = {0};
    unsigned char *text = NULL;
    size_t n = 0;
    wc_lock_self(&self);
    test_ok(self.host[0] && self.pid == (uint64_t)getpid() && strlen(self.since) == 20,
            "this process has host, number and time");
    test_ok(wc_lock_take(path, &l, &replaced, &err) == WC_OK && !replaced.host[0], "taken");
    bool parsed = wc_io_read_file(path, 4096, &text, &n, NULL) == WC_OK &&
                  wc_lock_holder_parse((char *)text, n, &read);
    test_ok(parsed && strcmp(read.host, self.host) == 0 && read.pid == self.pid &&
                read.start == self.start,
            "the file says whose it is");
    wc_free(text);
    test_ok(try_it(NULL, &err) == WC_ERR_CONFIG, "the same process cannot take it twice");
    test_ok(wc_lock_release(&l, &err) == WC_OK && !l && n_files() == 0,
            "released: nothing is left");
    test_ok(wc_lock_release(&l, &err) == WC_OK, "releasing nothing is fine");
    test_ok(try_it(NULL, &err) == WC_OK, "taken again");
    wc_lock_take(path, &l, NULL, &err);
    struct wc_lock_holder other = self;
    char claim[560];
    strcpy(other.host, "node8");
    put_holder(path, &other, claim);
    test_ok(wc_lock_release(&l, &err) == WC_OK && wc_io_exists(path),
            "a lock that became another's stays");
    wc_io_remove(path, NULL);
}

// A child that takes the lock, says so and stays until `go` closes, or leaves at once without
// releasing.
static pid_t holder(bool stays, int *go) {
    int said[2], wait_for[2];
    char byte;
    if (pipe(said) != 0 || pipe(wait_for) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        struct wc_lock *l = NULL;
        close(wait_for[1]);
        enum wc_err rc = wc_lock_take(path, &l, NULL, NULL);
        byte = (char)rc;
        bool ok = write(said[1], &byte, 1) == 1;
        if (ok && stays)
            ok = read(wait_for[0], &byte, 1) == 0 && wc_lock_release(&l, NULL) == WC_OK;
        _exit(ok ? 0 : 1);
    }
    close(said[1]);
    close(wait_for[0]);
    if (read(said[0], &byte, 1) != 1 || byte != 0)
        test_ok(false, "the child did not get the lock");
    close(said[0]);
    *go = wait_for[1];
    return pid;
}

static void two_processes(void) {
    struct wc_error err = {0};
    struct wc_lock_holder self, replaced = {0};
    char number[32];
    int go, status = 1;
    wc_lock_self(&self);
    pid_t pid = holder(true, &go);
    snprintf(number, sizeof number, "process %ld", (long)pid);
    test_ok(try_it(NULL, &err) == WC_ERR_CONFIG && has(&err, self.host) && has(&err, number) &&
                has(&err, "since 20") && has(&err, path) && has(&err, "wait for it"),
            "while another process holds it: refused with host, process, time and cure");
    test_str(err.fault, "locked", "its fault");
    close(go);
    waitpid(pid, &status, 0);
    test_ok(status == 0 && try_it(&replaced, &err) == WC_OK && !replaced.host[0],
            "after it has ended: taken");
    pid = holder(false, &go);
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    test_ok(try_it(&replaced, &err) == WC_OK && replaced.pid == (uint64_t)pid && n_files() == 0,
            "from a zombie: taken over, and the dead holder is told");
    close(go);
    waitpid(pid, &status, 0);
    pid = holder(false, &go);
    close(go);
    waitpid(pid, &status, 0);
    test_ok(try_it(&replaced, &err) == WC_OK && replaced.pid == (uint64_t)pid && n_files() == 0,
            "from a process that is gone: taken over");
}

static void states(void) {
    static const struct {
        const char *what;
        const char *host, *boot, *pid_space; // NULL: as ours
        const char *job, *cluster;
        unsigned n_restarts;
        int start_off;
        bool taken;
        const char *says; // when refused
    } state[] = {
        {"our own number with another start time", .start_off = 1, .taken = true},
        {"our own number and start time", .says = "wait for it"},
        {"another boot of this host", .boot = "b", .taken = true},
        {"another host", .host = "node8", .says = "remove the file"},
        {"another host, told by name", .host = "node8", .says = "host node8"},
        {"a container of this host's name", .pid_space = "pid:[1]", .says = "cannot be seen"},
        {"this Slurm job before its requeue", .host = "node8", .job = "77", .cluster = "c",
         .n_restarts = 1, .taken = true},
        {"this Slurm job, another step", .host = "node8", .job = "77", .cluster = "c",
         .n_restarts = 2, .says = "Slurm job 77"},
        {"another Slurm job", .host = "node8", .job = "78", .cluster = "c", .says = "job 78"},
        {"that job of another cluster", .host = "node8", .job = "77", .cluster = "d",
         .says = "remove the file"},
    };
    for (size_t i = 0; i < sizeof state / sizeof *state; i++) {
        struct wc_lock_holder self, h, replaced = {0};
        struct wc_error err = {0};
        char claim[560];
        wc_lock_self(&self);
        strcpy(self.job, "77");
        strcpy(self.cluster, "c");
        self.n_restarts = 2;
        h = self;
        h.start += (uint64_t)state[i].start_off;
        strcpy(h.host, state[i].host ? state[i].host : self.host);
        strcpy(h.boot, state[i].boot ? state[i].boot : self.boot);
        strcpy(h.pid_space, state[i].pid_space ? state[i].pid_space : self.pid_space);
        strcpy(h.job, state[i].job ? state[i].job : "");
        strcpy(h.cluster, state[i].cluster ? state[i].cluster : "");
        h.n_restarts = state[i].n_restarts;
        put_holder(path, &h, claim);
        enum wc_err rc = try_as(&self, &replaced, &err);
        if (state[i].taken)
            test_ok(rc == WC_OK && strcmp(replaced.host, h.host) == 0 && n_files() == 0,
                    "%s: taken over", state[i].what);
        else
            test_ok(rc == WC_ERR_CONFIG && has(&err, state[i].says) && n_files() == 1,
                    "%s: refused", state[i].what);
        wc_io_remove(path, NULL);
    }
    struct wc_lock_holder self, h;
    char claim[560];
    wc_lock_self(&self);
    h = self;
    strcpy(h.boot, "b");
    strcpy(h.host, "localhost");
    strcpy(self.host, "localhost");
    put_holder(path, &h, claim);
    test_ok(try_as(&self, NULL, NULL) == WC_ERR_CONFIG,
            "two machines may be called localhost: refused");
    wc_io_remove(path, NULL);
}

static void no_lock(void) {
    static const char *const text[] = {
        "",
        "x",
        "winclip-mpi lock 1\n",
        "winclip-mpi lock 1\nhost: a\npid: -1\n",
        "winclip-mpi lock 1\nhost: \033[2J\npid: 1\n",
        "winclip-mpi lock 1\nhost: a\npid: 99999999999999999999999\n",
        "winclip-mpi lock 1\nhost a\npid: 1\n",
        "winclip-mpi lock 1\nhost: a\npid: 1"};
    struct wc_error err = {0};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        put(path, text[i], strlen(text[i]));
        test_ok(try_it(NULL, &err) == WC_ERR_CONFIG && has(&err, "remove the file") &&
                    !strchr(err.text, '\033') && n_files() == 1,
                "a file that is no lock (%zu) is refused and stays", i);
    }
    static char large[100000];
    memset(large, 'x', sizeof large);
    put(path, large, sizeof large);
    test_ok(try_it(NULL, &err) == WC_ERR_CONFIG && has(&err, "remove"), "a large file too");
    wc_io_remove(path, NULL);
    mkdir(path, 0755);
    test_ok(try_it(NULL, &err) == WC_ERR_CONFIG && has(&err, "remove"), "a folder too");
    rmdir(path);
    char host[100];
    memset(host, 'h', sizeof host);
    snprintf(large, sizeof large, "winclip-mpi lock 1\nhost: %.99s\npid: 1\n", host);
    put(path, large, strlen(large));
    test_ok(try_it(NULL, &err) == WC_ERR_CONFIG && n_files() == 1, "a name that is too long too");
    wc_io_remove(path, NULL);
}

// Processes that died while they took a dead holder's lock over.
static void dead_claims(void) {
    struct wc_lock_holder self, dead, next, replaced;
    struct wc_error err = {0};
    char claim[560], below[560];
    wc_lock_self(&self);
    dead = self;
    dead.start += 1;
    next = self;
    next.start += 2;
    put_holder(path, &dead, claim);
    put_holder(claim, &next, below);
    test_ok(try_it(&replaced, &err) == WC_OK && replaced.start == dead.start && n_files() == 0,
            "one died before it replaced the lock: taken over");
    put_holder(path, &dead, claim);
    put_holder(claim, &next, below);
    put_holder(path, &next, below);
    test_ok(try_it(&replaced, &err) == WC_OK && replaced.start == next.start,
            "one died after that: taken over");
    wc_io_remove(claim, NULL);
    put_holder(path, &dead, claim);
    strcpy(next.host, "node8");
    put_holder(claim, &next, below);
    test_ok(try_it(NULL, &err) == WC_ERR_CONFIG && has(&err, claim) && has(&err, "node8"),
            "another host is taking it over: refused by name");
    wc_io_remove(claim, NULL);
    strcpy(next.host, self.host);
    put_holder(path, &dead, claim);
    for (int i = 0; i < 20; i++) {
        next.start++;
        put_holder(claim, &next, below);
        strcpy(claim, below);
    }
    test_ok(try_it(NULL, &err) == WC_ERR_CONFIG && has(&err, ".claim.*"),
            "too many died: refused with the files to remove");
    struct wc_strlist names = {0};
    wc_io_list(dir, true, &names, NULL);
    for (size_t i = 0; i < names.n; i++) {
        snprintf(below, sizeof below, "%s/%s", dir, names.item[i]);
        unlink(below);
    }
    wc_strlist_release(&names);
}

// One round of a contender: exit code 0 had it, 1 was refused, 2 met another inside, 3 failed.
static int contend(unsigned i) {
    struct wc_lock *l = NULL;
    struct wc_error err = {0};
    char inside[500];
    snprintf(inside, sizeof inside, "%s/inside", dir);
    enum wc_err rc = WC_ERR_CONFIG;
    for (int k = 0; k < 20 && rc == WC_ERR_CONFIG; k++)
        rc = wc_lock_take(path, &l, NULL, &err);
    if (rc != WC_OK)
        return rc == WC_ERR_CONFIG ? 1 : 3;
    int fd = open(inside, O_CREAT | O_EXCL | O_WRONLY, 0644);
    if (fd < 0)
        return 2;
    usleep(2000);
    close(fd);
    unlink(inside);
    if (i % 2 == 0)
        wc_lock_release(&l, NULL);
    return 0; // every other one dies with the lock
}

static void crowd(void) {
    enum { N_CHILDREN = 6, N_ROUNDS = 25 };
    int n[4] = {0};
    for (int round = 0; round < N_ROUNDS; round++) {
        pid_t pid[N_CHILDREN];
        for (unsigned i = 0; i < N_CHILDREN; i++) {
            fflush(stdout);
            pid[i] = fork();
            if (pid[i] == 0)
                _exit(contend(i));
        }
        for (unsigned i = 0; i < N_CHILDREN; i++) {
            int status;
            waitpid(pid[i], &status, 0);
            n[WIFEXITED(status) && WEXITSTATUS(status) < 4 ? WEXITSTATUS(status) : 3]++;
        }
    }
    test_note("had it %d, refused %d, met another %d, failed %d", n[0], n[1], n[2], n[3]);
    test_ok(n[0] >= N_ROUNDS && n[2] == 0 && n[3] == 0,
            "processes that take it, release it and die with it: never two inside");
    struct wc_error err = {0};
    test_ok(try_it(NULL, &err) == WC_OK && n_files() == 0, "and nothing is left behind");
}

static void faults(void) {
    static const struct {
        enum wc_fault_kind kind;
        const char *name;
    } kinds[] = {{WC_FAULT_OPEN, "open"},     {WC_FAULT_READ, "read"},
                 {WC_FAULT_WRITE, "write"},   {WC_FAULT_FSYNC, "fsync"},
                 {WC_FAULT_CLOSE, "close"},   {WC_FAULT_RENAME, "rename"},
                 {WC_FAULT_ALLOC, "allocate"}};
    struct wc_lock_holder self, dead, next;
    wc_lock_self(&self);
    dead = next = self;
    dead.start += 1;
    next.start += 2;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        unsigned long n = 1;
        bool sound = true;
        for (; n < 100; n++) {
            char claim[560], below[560];
            struct wc_error err = {0};
            struct wc_lock *l = NULL;
            put_holder(path, &dead, claim);
            put_holder(claim, &next, below);
            wc_fault_arm(kinds[k].kind, n, false);
            enum wc_err rc = wc_lock_take_as(path, &self, &l, NULL, &err);
            bool hit = wc_fault_count(kinds[k].kind) >= n;
            wc_fault_reset();
            sound = sound && (rc == WC_OK) == (l != NULL) && (rc == WC_OK || err.text[0]);
            if (rc == WC_OK)
                sound = sound && wc_lock_release(&l, &err) == WC_OK;
            // A failure leaves no lock of ours that would stop the next attempt.
            sound = sound && try_it(NULL, &err) == WC_OK;
            if (!sound)
                test_note("call %lu: code %d, %s", n, (int)rc, err.text);
            wc_io_remove(claim, NULL);
            wc_io_remove(below, NULL);
            if (!hit)
                break;
        }
        test_ok(sound && n < 100 && (n > 1), "%s failing at each of %lu calls", kinds[k].name,
                n - 1);
    }
    test_ok(n_files() == 0, "nothing is left behind");
}

int main(void) {
    const char *tmp = getenv("WC_TEST_TMP");
    snprintf(dir, sizeof dir, "%s/t710-%ld", tmp ? tmp : "build/tmp", (long)getpid());
    snprintf(path, sizeof path, "%s/lock", dir);
    wc_io_mkdirs(dir, NULL);
    // The tests may run under Slurm themselves.
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_CLUSTER_NAME");
    unsetenv("SLURM_RESTART_COUNT");
    basics();
    two_processes();
    states();
    no_lock();
    dead_claims();
    crowd();
    faults();
    rmdir(dir);
    return test_done();
}
