/* A pelvis, cut across: wings of the ilium or hip joints, the muscles around them, sacrum, bowels and bladder. One lies
 * over the other and leaves crescents; muscles look alike, and only a thin layer of fat, if any, parts them.
 */
#include "synth/scene_body.h"

/* Half of a symmetric body: a place, a direction and a shape of the right half, seen in the half `side`, -1 or 1. */
struct half {
    struct scene *scene;
    int skin, over, muscles; /* regions: of the body; the fat all lies in; what all muscles look like */
    float side, a, b;  /* half axes of the body */
    float gap;         /* fat between muscles */
};

static struct shape half_blob(const struct half *half, float x, float y, float a, float b, float angle, float wobble)
{
    struct rng *rng = &half->scene->rng;
    float shift_x = 0.03f * rng_normal(rng), shift_y = 0.03f * rng_normal(rng), size = expf(0.12f * rng_normal(rng));
    return shape_blob(half->side * (x + shift_x) * half->a, (y + shift_y) * half->b, a * size * half->a, b * size * half->b,
                      half->side * (angle + 0.1f * rng_normal(rng)), wobble, rng);
}

static struct shape half_tube(const struct half *half, float x, float y, float angle, float length, float radius)
{
    struct rng *rng = &half->scene->rng;
    angle += 0.1f * rng_normal(rng);
    return shape_tube(half->side * x * half->a, y * half->b, half->side < 0 ? turn / 2 - angle : angle, length * half->a,
                      radius * half->a, 0.12f, rng);
}

static void put_muscle(const struct half *half, const struct shape *outline)
{
    struct scene *scene = half->scene;
    struct shape around = shape_grown(outline, half->gap);
    if (half->gap > 0)
        scene_paint(scene, half->over, &around, scene_since(half->skin));
    int muscle = scene_region(scene, half->over, SOFT, "muscle", true);
    scene->region[muscle].like = half->muscles;
    scene_paint(scene, muscle, outline, scene_since(half->skin));
}

/* Bone of several parts: compact all around, marrow within. */
static void put_bone(const struct half *half, const char *kind, const struct shape *parts, int count)
{
    struct scene *scene = half->scene;
    float shell = half->a * rng_between(&scene->rng, 0.008f, 0.025f);
    int bone = scene_region(scene, half->over, BONE, kind, true);
    int marrow = scene_region(scene, bone, MARROW, "marrow", false);
    for (int n = 0; n < count; n++)
        scene_paint(scene, bone, &parts[n], scene_since(half->skin));
    for (int n = 0; n < count; n++) {
        struct shape inner = shape_grown(&parts[n], -shell);
        scene_paint(scene, marrow, &inner, bone);
    }
}

/* What lies along a bone: its course between two shares of its length, moved sideways and thin at both ends. */
static struct shape beside(const struct half *half, const struct shape *bone, float shift, float radius)
{
    struct rng *rng = &half->scene->rng;
    struct shape layer = *bone;
    float first = rng_between(rng, -0.1f, 0.35f), last = rng_between(rng, 0.6f, 1.1f);
    float blunt = rng_between(rng, 0.1f, 0.6f);
    layer.x += half->side * 0.75f * shift * half->a; /* square to a wing that goes up and outwards */
    layer.y += 0.66f * shift * half->a;
    layer.reach = 0;
    for (int n = 0; n < layer.knots; n++) {
        float share = (float)n / (float)(layer.knots - 1), at = (first + share * (last - first)) * (float)(layer.knots - 1);
        int from = at < 0 ? 0 : at >= (float)(layer.knots - 2) ? layer.knots - 2 : (int)at;
        for (int axis = 0; axis < 2; axis++)
            layer.path[n][axis] = bone->path[from][axis] + (at - (float)from) * (bone->path[from + 1][axis] - bone->path[from][axis]);
        layer.radius[n] = radius * half->a * (blunt + (1 - blunt) * sinf(turn / 2 * share));
        layer.reach = fmaxf(layer.reach, hypotf(layer.path[n][0], layer.path[n][1]) + layer.radius[n]);
    }
    return layer;
}

/* Muscles in layers on a wing, outermost first: what the next one and the bone leave of each is a crescent. */
static void put_layers(const struct half *half, const struct shape *ilium)
{
    struct rng *rng = &half->scene->rng;
    float minimus = rng_between(rng, 0.04f, 0.09f), medius = rng_between(rng, 0.09f, 0.2f);
    float iliacus = rng_between(rng, 0.04f, 0.12f), apart = rng_between(rng, 0.5f, 1);
    struct shape outer = beside(half, ilium, apart * medius, medius);
    struct shape middle = beside(half, ilium, apart * minimus, minimus);
    struct shape inner = beside(half, ilium, -apart * iliacus, iliacus);
    put_muscle(half, &outer);
    if (rng_chance(rng, 0.8f))
        put_muscle(half, &middle);
    put_muscle(half, &inner);
}

static void put_blobs(const struct half *half)
{
    struct rng *rng = &half->scene->rng;
    struct shape medius = half_blob(half, 0.6f, 0.08f, rng_between(rng, 0.14f, 0.3f), 0.5f, 0.3f, 0.06f);
    struct shape minimus = half_blob(half, 0.52f, 0.08f, rng_between(rng, 0.05f, 0.14f), 0.38f, 0.35f, 0.06f);
    put_muscle(half, &medius);
    if (rng_chance(rng, 0.6f))
        put_muscle(half, &minimus);
}

/* Of the buttock: a lump, or a slab that runs forwards and outwards. */
static struct shape maximus(const struct half *half)
{
    struct rng *rng = &half->scene->rng;
    if (rng_chance(rng, 0.5f))
        return half_blob(half, 0.42f, 0.55f, 0.4f, 0.3f, -0.5f, 0.05f);
    float y = rng_between(rng, 0.65f, 0.8f), length = rng_between(rng, 0.5f, 0.8f), angle = rng_between(rng, -0.7f, -0.2f);
    float x = rng_between(rng, 0.1f, 0.25f), radius = rng_between(rng, 0.07f, 0.15f);
    return half_tube(half, x, y, angle, length, radius);
}

static void put_wing(const struct half *half)
{
    struct rng *rng = &half->scene->rng;
    struct shape buttock = maximus(half);
    struct shape psoas = half_blob(half, 0.38f, -0.05f, rng_between(rng, 0.12f, 0.24f), 0.3f, 0.4f, 0.06f);
    float back = rng_between(rng, 0.45f, 0.6f), length = rng_between(rng, 0.4f, 0.85f);
    struct shape ilium = half_tube(half, 0.18f, back, -0.85f, length, rng_log_between(rng, 0.02f, 0.07f));
    put_muscle(half, &buttock);
    if (rng_chance(rng, 0.7f))
        put_layers(half, &ilium);
    else
        put_blobs(half);
    put_muscle(half, &psoas);
    put_bone(half, "hip", &ilium, 1);
}

/* The cup with the bones that leave it, the head of the femur in it, and its neck. */
static void put_joint_bones(const struct half *half, float y)
{
    struct rng *rng = &half->scene->rng;
    float head = rng_between(rng, 0.1f, 0.15f), ischium = rng_between(rng, 0.1f, 0.35f), pubis = rng_between(rng, 0.1f, 0.4f);
    float tilt = rng_between(rng, 0.1f, 0.6f), neck = rng_between(rng, 0, 0.22f);
    struct shape cup = half_blob(half, 0.48f, y, head * 1.25f, head * 1.6f, 0, 0.05f);
    struct shape back = half_tube(half, 0.4f, y + 0.1f, 0.2f * turn, ischium, rng_between(rng, 0.05f, 0.09f));
    struct shape front = half_tube(half, 0.4f, y - 0.1f, -0.35f * turn, pubis, rng_between(rng, 0.03f, 0.06f));
    struct shape space = shape_blob(half->side * 0.56f * half->a, y * half->b, head * half->a, head * half->a, 0, 0.02f, rng);
    struct shape hip[] = {cup, back, front};
    struct shape femur[] = {shape_grown(&space, -0.012f * half->a), half_tube(half, 0.6f, y, tilt, neck, 0.08f)};
    put_bone(half, "hip", hip, 3);
    scene_paint(half->scene, half->over, &space, scene_since(half->skin));
    put_bone(half, "femur", femur, rng_chance(rng, 0.6f) ? 2 : 1);
}

static void put_joint(const struct half *half)
{
    float y = rng_between(&half->scene->rng, -0.1f, 0.15f);
    struct shape buttock = maximus(half);
    struct shape front = half_blob(half, 0.5f, y - 0.42f, 0.2f, 0.2f, 0.3f, 0.08f);
    struct shape side = half_blob(half, 0.78f, y - 0.15f, 0.1f, 0.35f, 0.2f, 0.06f);
    struct shape inner = half_blob(half, 0.28f, y + 0.15f, 0.07f, 0.3f, -0.3f, 0.06f);
    struct shape *const muscles[] = {&buttock, &front, &side, &inner};
    for (int n = 0; n < 4; n++)
        put_muscle(half, muscles[n]);
    put_joint_bones(half, y);
}

/* Low in a pelvis it is a thin arc, open to the front. */
static void put_sacral_arc(const struct half *half)
{
    struct rng *rng = &half->scene->rng;
    float y = rng_between(rng, 0.5f, 0.7f), rise = rng_between(rng, -0.7f, -0.05f), thick = rng_between(rng, 0.025f, 0.08f);
    float reach = rng_between(rng, 0.15f, 0.35f);
    struct half left = *half;
    left.side = -1;
    struct shape right_half = half_tube(half, 0, y, rise, reach, thick);
    struct shape left_half = half_tube(&left, 0, y, rise, reach, thick);
    struct shape parts[] = {right_half, left_half};
    put_bone(half, "sacrum", parts, 2);
}

static void put_sacrum(const struct half *half)
{
    struct rng *rng = &half->scene->rng;
    float y = rng_between(rng, 0.45f, 0.65f), size = rng_between(rng, 0.6f, 1.2f);
    struct half left = *half;
    left.side = -1;
    struct shape middle = shape_blob(0, y * half->b, 0.16f * size * half->a, 0.13f * size * half->b, 0, 0.06f, rng);
    struct shape right_ala = half_blob(half, 0.15f * size, y, 0.14f * size, 0.09f * size, 0.4f, 0.08f);
    struct shape left_ala = half_blob(&left, 0.15f * size, y, 0.14f * size, 0.09f * size, 0.4f, 0.08f);
    struct shape parts[] = {middle, right_ala, left_ala};
    put_bone(half, "sacrum", parts, 3);
}

void scene_pelvis(struct scene *scene)
{
    struct rng *rng = &scene->rng;
    scene_view(scene, 4);
    float a = rng_between(rng, 0.8f, 1), b = a * rng_between(rng, 0.5f, 0.8f);
    struct body body = body_outline(scene, a, b);
    int muscles = scene_region(scene, body.fat, SOFT, "muscles", false);
    float gap = fmaxf(0, rng_between(rng, -0.005f, 0.02f));
    struct half half = {scene, body.skin, body.fat, muscles, 1, body.flesh.a, body.flesh.b, gap};
    bool joints = rng_chance(rng, 0.4f);
    for (int n = rng_int(rng, 2, 9); n > 0; n--)
        body_organ(scene, body.fat, 0.45f * half.a, 0.5f * half.b);
    for (half.side = -1; half.side <= 1; half.side += 2)
        (joints ? put_joint : put_wing)(&half);
    half.side = 1;
    if (!joints || rng_chance(rng, 0.5f))
        (rng_chance(rng, 0.6f) ? put_sacrum : put_sacral_arc)(&half);
    struct bounds within = {-0.5f * half.a, 0.5f * half.a, -0.6f * half.b, 0.2f * half.b};
    body_vessels(scene, body.fat, rng_int(rng, 0, 6), within, 0.01f, 0.035f);
}
