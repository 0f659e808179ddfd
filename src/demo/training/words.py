"""Captions. The states and templates at the top are WinCLIP's own; the names of held-out categories and defects occur nowhere."""
NORMAL = ['{}', 'flawless {}', 'perfect {}', 'unblemished {}', '{} without flaw', '{} without defect', '{} without damage']
ABNORMAL = ['damaged {}', '{} with flaw', '{} with defect', '{} with damage']
TEMPLATES = ['a cropped photo of the {}.', 'a cropped photo of a {}.', 'a close-up photo of a {}.', 'a close-up photo of the {}.', 'a bright photo of a {}.',
             'a bright photo of the {}.', 'a dark photo of the {}.', 'a dark photo of a {}.', 'a jpeg corrupted photo of a {}.', 'a jpeg corrupted photo of the {}.',
             'a blurry photo of the {}.', 'a blurry photo of a {}.', 'a photo of a {}.', 'a photo of the {}.', 'a photo of a small {}.', 'a photo of the small {}.',
             'a photo of a large {}.', 'a photo of the large {}.', 'a photo of the {} for visual inspection.', 'a photo of a {} for visual inspection.',
             'a photo of the {} for anomaly detection.', 'a photo of a {} for anomaly detection.']
MORE_NORMAL = ['good {}', 'intact {}', 'clean {}', 'normal {}', 'undamaged {}', '{} in good condition', 'pristine {}', 'new {}', 'spotless {}',
               '{} without any problem', 'faultless {}', '{} without scratch', '{} without stain', '{} without hole']
MORE_ABNORMAL = ['broken {}', 'defective {}', 'faulty {}', 'flawed {}', '{} with a defect', '{} with damages', 'bad {}', 'imperfect {}', '{} in bad condition',
                 'abnormal {}', '{} with an anomaly', '{} with a problem', 'blemished {}', '{} with a flaw']
DEFECTS = dict(cut=['cut {}', '{} with a cut'], dent=['dented {}', '{} with a dent'], dirt=['contaminated {}', '{} with dirt', 'dirty {}'],
               hole=['{} with a hole', 'punctured {}'], missing=['incomplete {}', '{} with a missing part'], scratch=['scratched {}', '{} with a scratch'],
               smear=['smeared {}', '{} with a smear'], spot=['spotted {}', '{} with a spot', '{} with a color spot'], stain=['stained {}', '{} with a stain'],
               swap=['{} with a misplaced part', 'patched {}'], water_ring=['{} with a water ring', 'wet {}'], worn=['worn {}', 'rough {}', '{} with wear'])
CATEGORIES = dict(weave=['linen', 'woven fabric', 'cloth'], twill=['denim', 'twill fabric', 'jeans'], tiles=['tile', 'ceramic tiles', 'brick wall'],
                  brushed=['brushed steel', 'steel sheet', 'brushed metal'], gravel=['gravel', 'cobblestone', 'pebbles'], marble=['marble', 'marble slab'],
                  concrete=['concrete', 'cement', 'plaster'], knit=['knitted wool', 'sweater', 'wool'], ribbed=['ribbed rubber', 'corduroy', 'corrugated sheet'],
                  perforated=['perforated sheet', 'speaker cover'], paper=['paper', 'plastic sheet', 'cardboard'], honeycomb=['honeycomb', 'hexagon mesh'],
                  foam=['foam', 'sponge'], granite=['granite', 'terrazzo', 'stone'], plate=['checker plate', 'diamond plate'], planks=['planks', 'floor', 'deck'],
                  surface=['texture', 'surface', 'material', 'pattern', 'fabric'], washer=['washer', 'flat ring'], button=['button', 'shirt button'],
                  coin=['coin', 'medal'], connector=['connector', 'terminal block'], donut=['donut', 'doughnut'], bearing=['bearing', 'ball bearing'],
                  battery=['battery', 'cell'], lens=['lens', 'camera lens'], acorn=['acorn', 'hazel'], plug=['plug', 'socket'],
                  capsule=['capsule', 'medicine capsule'], gear=['gear', 'cog wheel'], brick=['toy brick', 'building block'], bolt=['bolt', 'bolt head', 'screw'],
                  tray=['tray', 'box'], part=['object', 'part', 'item', 'product', 'component'])
NOUNS = """apple arm bag ball band banana bar basket bell belt bike bird blade boat bone book boot bowl box bread bridge brush bucket bulb bus cake camera candle
candy cap car card case cat chain chair cheese clock coat coffee comb computer cork cotton cover crystal cup curtain cushion desk diamond dish dog door dress drum
egg engine fan feather fence fiber film filter fish flag flower fork frame fruit fuse glass glove gold guitar hammer handle hat helmet hinge hook horn hose house
ice iron jacket jar key knife knob label lace ladder lamp leaf lemon letter lid light lock magnet map mask mat mirror motor mouse mug nail needle net nozzle oil
onion orange oven paint pan panel pen pencil phone piano pillow pin pipe pizza plant pot potato pump purse radio rail rice ring robot rod roof rope rug ruler
saddle salt sand scarf seal seat seed shell shelf shirt shoe silk silver sink skin sock soap sofa spoon stamp star stick strap string sugar suit sword table tablet
tape tent tire tool towel toy train umbrella valve vase vest wallet wallpaper watch wax wheel window wing wire yarn zipper chip board macaroni cashew gum fryum
tomato bean vial can screen cable transistor""".split()
ADJECTIVES = 'red blue green black white old round flat long short thin thick plastic rubber glass steel small big soft hard front back left top'.split()


def noun(rng):
    """A name that no photo has, so that the states do not depend on the object."""
    u = rng.random()
    if u < .5:
        return str(rng.choice(NOUNS))
    if u < .75:
        return f'{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}'
    if u < .9:
        return f'{rng.choice(NOUNS)} {rng.choice(NOUNS)}'
    return ''.join(rng.choice(list('abcdefghijklmnopqrstuvwxyz'), rng.integers(3, 9)))


def winclip(name):
    return [[t.format(s.format(name)) for s in states for t in TEMPLATES] for states in (NORMAL, ABNORMAL)]
