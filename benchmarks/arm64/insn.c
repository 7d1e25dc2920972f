/*
 * QEMU (user mode, plugin interface version 1) plugin: counts guest instructions, per program and per block of code.
 *
 * The guest talks to it by calling close() on impossible descriptors, which the kernel refuses and nobody else uses:
 *   close(-(MAGIC + 1))  write the running total, 8 bytes little endian, at the start of the file `total=`
 *   close(-(MAGIC + 2))  forget the per-block counts
 *   close(-(MAGIC + 3))  write the per-block counts, one "address instructions executed" line each, to the file `hot=`
 * so that one run measures as many calls as it likes, each by itself, without the start-up of Python in between.
 *
 * Counters are plain inline additions: exact for one guest thread, approximate when several run at once.
 * The few declarations below are written from QEMU's documented interface, so no QEMU headers are needed to build this.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define MAGIC 0x1e550000u
#define AARCH64_CLOSE 57
#define SLOTS (1u << 20)
#define INLINE_ADD_U64 0

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
typedef void (*syscall_cb)(plugin_id, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                           uint64_t, uint64_t);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int op, void *counter, uint64_t value);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id, syscall_cb);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);

EXPORT int qemu_plugin_version = 1;

struct block { uint64_t address, executed; uint32_t length; };

static uint64_t total;
static struct block *blocks; /* open addressing; NULL when no per-block counts were asked for */
static unsigned used;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int total_fd = -1;
static const char *hot_path;

static struct block *block_for(uint64_t address, uint32_t length)
{
    struct block *found = NULL;
    pthread_mutex_lock(&lock);
    uint32_t slot = (uint32_t)(((address ^ ((uint64_t)length << 48)) * 0x9e3779b97f4a7c15ull) >> 44);
    while (blocks[slot].length && (blocks[slot].address != address || blocks[slot].length != length))
        slot = (slot + 1) & (SLOTS - 1);
    if (blocks[slot].length || used < SLOTS - SLOTS / 8) {
        if (!blocks[slot].length) {
            used++;
            blocks[slot].address = address;
            blocks[slot].length = length;
        }
        found = &blocks[slot];
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    uint32_t length = (uint32_t)qemu_plugin_tb_n_insns(tb);
    struct block *block = blocks && length ? block_for(qemu_plugin_tb_vaddr(tb), length) : NULL;
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &total, length);
    if (block)
        qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &block->executed, length);
}

static void write_blocks(void)
{
    FILE *out = hot_path ? fopen(hot_path, "w") : NULL;
    if (!out)
        return;
    for (uint32_t i = 0; i < SLOTS; i++)
        if (blocks[i].executed)
            fprintf(out, "%" PRIx64 " %" PRIu32 " %" PRIu64 "\n", blocks[i].address, blocks[i].length,
                    blocks[i].executed);
    fclose(out);
}

static void syscall_seen(plugin_id id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3,
                         uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    (void)id, (void)vcpu, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (number != AARCH64_CLOSE)
        return;
    switch ((uint32_t)(0u - (uint32_t)a1) - MAGIC) {
    case 1:
        if (total_fd >= 0 && pwrite(total_fd, &total, sizeof total, 0) != sizeof total)
            fprintf(stderr, "insn plugin: cannot write the total\n");
        break;
    case 2:
        for (uint32_t i = 0; blocks && i < SLOTS; i++)
            blocks[i].executed = 0;
        break;
    case 3:
        if (blocks)
            write_blocks();
        break;
    }
}

static void at_exit(plugin_id id, void *unused)
{
    (void)id, (void)unused;
    fprintf(stderr, "INSN %" PRIu64 "\n", total);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "total=", 6))
            total_fd = open(argv[i] + 6, O_RDWR | O_CREAT | O_TRUNC, 0666);
        else if (!strncmp(argv[i], "hot=", 4))
            hot_path = strdup(argv[i] + 4);
        else if (!strcmp(argv[i], "summary=on"))
            qemu_plugin_register_atexit_cb(id, at_exit, NULL);
    }
    if (hot_path && !(blocks = calloc(SLOTS, sizeof *blocks)))
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, syscall_seen);
    return 0;
}
