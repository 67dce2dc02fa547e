virtual = True
