/*
 * A real TFLite external delegate, as small as one can be: it takes over the custom operator of models that
 * were compiled for the Edge TPU ("edgetpu-custom-op") and thresholds the brightness of the picture.
 *
 * Written from the public C interface of TensorFlow Lite (core/c/common.h and
 * delegates/external/external_delegate_interface.h); the structures below repeat the leading fields of that ABI.
 * It proves loading, probing, falling back and coming back. It proves nothing about a real Edge TPU.
 *
 * Options, all "name=value":  decline=TEXT   creation fails and says TEXT (empty: says nothing, like libedgetpu)
 *   decline_if=PATH    creation fails while the file PATH exists: a device that is unplugged
 *   crash=create|prepare|invoke   the process dies there       hang=create|invoke   never returns
 *   slow=create|prepare   takes a second there
 *   lost_after=N       from the Nth invoke on, invoke fails     fail=prepare  the graph is refused
 * And $TINY_CRASH_AFTER=N, $TINY_HANG_AFTER=N, as `edgetpu` in a config takes no options: at the Nth invoke.
 *   $TINY_TROUBLE=FOLDER   while a file of that name is in it: decline (creation fails), lost (invoke fails), hang
 *   (invoke waits until the file is gone), crash (the process dies in invoke)
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, ERROR = 1 };
enum { FLOAT32 = 1, UINT8 = 3, INT8 = 9 };

typedef struct { int size; int data[]; } IntArray;
typedef struct { float scale; int32_t zero_point; } Params;
typedef struct { int type; void *params; } Quantization;

typedef struct { /* TfLiteTensor */
    int type;
    void *data;
    IntArray *dims;
    Params params;
    int allocation_type;
    size_t bytes;
    const void *allocation;
    const char *name;
    void *delegate;
    int buffer_handle;
    bool data_is_stale, is_variable;
    Quantization quantization;
    void *sparsity;
    const IntArray *dims_signature;
} Tensor;
_Static_assert(sizeof(void *) != 8 || sizeof(Tensor) == 112, "layout of TfLiteTensor");

typedef struct { /* TfLiteNode, its leading fields */
    IntArray *inputs, *outputs, *intermediates, *temporaries;
    void *user_data;
} Node;

struct Context;
struct Delegate;

typedef struct { /* TfLiteRegistration: handed over by value, so every field of it has to be here */
    void *(*init)(struct Context *, const char *, size_t);
    void (*free)(struct Context *, void *);
    int (*prepare)(struct Context *, Node *);
    int (*invoke)(struct Context *, Node *);
    const char *(*profiling_string)(const struct Context *, const Node *);
    int32_t builtin_code;
    const char *custom_name;
    int version;
    void *registration_external;
    void *async_kernel;
    uint64_t inplace_operator;
} Registration;

typedef struct Context { /* TfLiteContext, its leading fields */
    size_t tensors_size;
    int (*get_execution_plan)(struct Context *, IntArray **);
    Tensor *tensors;
    void *impl;
    int (*resize_tensor)(struct Context *, Tensor *, IntArray *);
    void (*report_error)(struct Context *, const char *, ...);
    int (*add_tensors)(struct Context *, int, int *);
    int (*get_node_and_registration)(struct Context *, int, Node **, Registration **);
    int (*replace_nodes)(struct Context *, Registration, const IntArray *, struct Delegate *);
} Context;

typedef struct Delegate { /* TfLiteDelegate, then what is ours */
    void *data;
    int (*prepare)(Context *, struct Delegate *);
    void *copy_from, *copy_to, *free_buffer;
    int64_t flags;
    void *opaque_builder;
    char *crash, *hang, *fail, *slow;
    int lost_after, invokes;
} Delegate;

typedef struct { Delegate *delegate; IntArray *nodes, *inputs, *outputs; } DelegateParams;

static bool is(const char *a, const char *b) { return a != NULL && strcmp(a, b) == 0; }

static bool trouble(const char *what) {
    const char *folder = getenv("TINY_TROUBLE");
    char path[4096];
    return folder != NULL && snprintf(path, sizeof path, "%s/%s", folder, what) > 0 && access(path, F_OK) == 0;
}

static void *kernel_init(Context *context, const char *buffer, size_t length) {
    (void)context, (void)length;
    return ((const DelegateParams *)buffer)->delegate;
}

static void kernel_free(Context *context, void *data) { (void)context, (void)data; }

static int kernel_prepare(Context *context, Node *node) {
    Delegate *self = node->user_data;
    if (is(self->fail, "prepare")) {
        context->report_error(context, "tiny: this graph does not fit the device");
        return ERROR;
    }
    return OK;
}

static int kernel_invoke(Context *context, Node *node) {
    Delegate *self = node->user_data;
    self->invokes++;
    const char *last = getenv("TINY_CRASH_AFTER"), *awake = getenv("TINY_HANG_AFTER");
    if (is(self->crash, "invoke") || (last != NULL && self->invokes >= atoi(last))) abort();
    if (is(self->hang, "invoke") || (awake != NULL && self->invokes >= atoi(awake))) for (;;) sleep(1);
    if (trouble("crash")) abort();
    while (trouble("hang")) usleep(2000);
    if (trouble("lost") || (self->lost_after && self->invokes >= self->lost_after)) {
        context->report_error(context, "tiny: device lost (transfer error)");
        return ERROR;
    }
    const Tensor *in = NULL;
    for (int i = 0; i < node->inputs->size; i++) {
        const Tensor *tensor = &context->tensors[node->inputs->data[i]];
        if (tensor->dims->size == 4) in = tensor;
    }
    if (in == NULL) return ERROR;
    const Tensor *out = &context->tensors[node->outputs->data[0]];
    const int flip = in->type == INT8 ? 128 : 0; /* int8 is uint8 with its top bit flipped */
    const int high = in->dims->data[1], wide = in->dims->data[2];
    const int rows = out->dims->data[1], columns = out->dims->data[2];
    const uint8_t *pixels = in->data;
    uint8_t *mask = out->data;
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
            const uint8_t *p = pixels + 3 * ((size_t)(row * high / rows) * wide + column * wide / columns);
            const int brightness = (p[0] ^ flip) + (p[1] ^ flip) + (p[2] ^ flip);
            mask[row * columns + column] = (brightness > 3 * 127 ? 255 : 0) ^ flip;
        }
    }
    return OK;
}

static int delegate_prepare(Context *context, Delegate *self) {
    if (is(self->slow, "prepare")) sleep(1);
    if (is(self->crash, "prepare")) *(volatile int *)0 = 1; /* a delegate built for another TFLite */
    IntArray *plan;
    if (context->get_execution_plan(context, &plan) != OK) return ERROR;
    IntArray *claimed = calloc((size_t)plan->size + 1, sizeof(int));
    int *nodes = malloc(sizeof(int) * (size_t)(plan->size + 1)); /* the plan may change while nodes are asked for */
    const int count = plan->size;
    memcpy(nodes, plan->data, sizeof(int) * (size_t)count);
    for (int i = 0; i < count; i++) {
        Node *node;
        Registration *registration;
        if (context->get_node_and_registration(context, nodes[i], &node, &registration) != OK) return ERROR;
        if (is(registration->custom_name, "edgetpu-custom-op")) claimed->data[claimed->size++] = nodes[i];
    }
    Registration kernel = {.init = kernel_init, .free = kernel_free, .prepare = kernel_prepare,
                           .invoke = kernel_invoke, .custom_name = "TinyDelegate", .version = 1};
    const int status = claimed->size ? context->replace_nodes(context, kernel, claimed, self) : OK;
    free(claimed);
    free(nodes);
    return status;
}

__attribute__((visibility("default"))) void *tflite_plugin_create_delegate(
    char **keys, char **values, size_t count, void (*report_error)(const char *)) {
    Delegate *self = calloc(1, sizeof *self);
    self->prepare = delegate_prepare;
    self->flags = 1; /* allows dynamic tensors */
    for (size_t i = 0; i < count; i++) {
        if (is(keys[i], "decline") || (is(keys[i], "decline_if") && access(values[i], F_OK) == 0)) {
            if (is(keys[i], "decline_if")) report_error("tiny: no device");
            else if (values[i][0]) report_error(values[i]);
            free(self);
            return NULL;
        }
        if (is(keys[i], "crash")) self->crash = strdup(values[i]);
        if (is(keys[i], "hang")) self->hang = strdup(values[i]);
        if (is(keys[i], "slow")) self->slow = strdup(values[i]);
        if (is(keys[i], "fail")) self->fail = strdup(values[i]);
        if (is(keys[i], "lost_after")) self->lost_after = atoi(values[i]);
    }
    if (trouble("decline")) {
        report_error("tiny: no device");
        free(self);
        return NULL;
    }
    if (is(self->slow, "create")) sleep(1);
    if (is(self->crash, "create")) abort();
    if (is(self->hang, "create")) for (;;) sleep(1);
    return self;
}

__attribute__((visibility("default"))) void tflite_plugin_destroy_delegate(void *pointer) {
    Delegate *self = pointer;
    if (self == NULL) return;
    free(self->crash), free(self->hang), free(self->fail), free(self->slow), free(self);
}
